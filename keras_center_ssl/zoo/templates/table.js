"use strict";
{
  const table = document.getElementById("zoo"), body = table.tBodies[0], choice = document.getElementById("sort");
  const heads = [...table.tHead.rows[0].cells];
  const sort = (column, descending) => {
    const number = "number" in heads[column].dataset;
    const value = (row) => row.cells[column].dataset.value;
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === ""); // what is not known stays last
      const order = number ? Number(x) - Number(y) : x.localeCompare(y);
      return descending ? -order : order;
    });
    body.append(...rows);
    heads.forEach((head, n) => head.setAttribute("aria-sort", n !== column ? "none" : descending ? "descending" : "ascending"));
    choice.value = heads[column].dataset.key;
  };
  const first = (column) => "number" in heads[column].dataset && heads[column].dataset.key !== "size";
  heads.forEach((head, n) => head.addEventListener("click", () => {
    const before = head.getAttribute("aria-sort");
    sort(n, before === "none" ? first(n) : before === "ascending");
  }));
  choice.addEventListener("change", () => {
    const column = heads.findIndex((head) => head.dataset.key === choice.value);
    sort(column, first(column));
  });
  document.getElementById("filter").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/);
    for (const row of body.rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    document.getElementById("none").hidden = [...body.rows].some((row) => !row.hidden);
  });
}
