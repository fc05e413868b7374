"""The kinds of collapse that a method's `collapse_causes` tells apart."""

COMPLETE = "complete_collapse"
# Nearly everything lies in a few dimensions, or in a few tight groups.
FEW_DIMENSIONS = ("dimensional_collapse", "cluster_collapse")
COLLAPSES = (COMPLETE, *FEW_DIMENSIONS)
