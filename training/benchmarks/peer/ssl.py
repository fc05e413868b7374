"""The ten methods as a PyTorch user writes them: a module whose forward is the loss of two views.

Arguments have our names, and the heads our widths. `clip` and `after_step` are the hooks of the
training loop in `methods.py`. Nothing is measured on the way: no collapse figures, no logs.
"""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn

from peer.networks import mlp


class Method(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.dim = encoder.feature_dim

    def embed(self, views):
        return [self.projector(self.encoder(view)) for view in views]

    def forward(self, views):
        return self.loss(*self.embed(views))

    def clip(self):
        """Runs between the backward pass and the optimizer."""

    def after_step(self):
        """Runs behind the optimizer."""


class SimCLR(Method):
    def __init__(self, encoder, temperature, hidden_dim, output_dim, batch_norm=False):
        super().__init__(encoder)
        self.temperature = temperature
        self.projector = mlp([self.dim, hidden_dim, output_dim], batch_norm)

    def loss(self, z1, z2):
        z = F.normalize(torch.cat([z1, z2]), dim=1)
        similarity = z @ z.T / self.temperature
        similarity.fill_diagonal_(-1e9)
        count = len(z) // 2
        positives = torch.arange(len(z), device=z.device).roll(count)
        return F.cross_entropy(similarity, positives)


class CenterSSL(Method):
    def __init__(
        self,
        encoder,
        center_weight,
        decorrelation_weight,
        hidden_dim,
        output_dim,
        batch_norm=False,
    ):
        super().__init__(encoder)
        self.center_weight, self.decorrelation_weight = center_weight, decorrelation_weight
        self.projector = mlp([self.dim, hidden_dim, output_dim], batch_norm)

    def loss(self, z1, z2):
        z1, z2 = (F.normalize(z, dim=1) for z in (z1, z2))
        z = torch.cat([z1, z2])
        loss = -(z1 * z2).sum(1).mean() + self.center_weight * z.mean(0).square().sum()
        second_moment = z.T @ z / len(z)
        return loss + self.decorrelation_weight * second_moment.square().sum()


class Triplet(Method):
    def __init__(self, encoder, margin, hidden_dim, output_dim):
        super().__init__(encoder)
        self.margin = margin
        self.projector = mlp([self.dim, hidden_dim, output_dim], batch_norm=False)

    def forward(self, views):
        z1, z2 = (F.normalize(z, dim=1) for z in self.embed(views))
        return (self._one_way(z1, z2) + self._one_way(z2, z1)) / 2

    def _one_way(self, anchor, positive):
        cosines = anchor @ positive.T
        hinge = F.relu(self.margin - cosines.diagonal()[:, None] + cosines)
        count = len(cosines)
        others = ~torch.eye(count, dtype=torch.bool)
        return hinge[others].sum() / (count * (count - 1))


class BarlowTwins(Method):
    def __init__(self, encoder, redundancy_weight, hidden_dim, output_dim):
        super().__init__(encoder)
        self.redundancy_weight = redundancy_weight
        self.projector = mlp([self.dim, hidden_dim, hidden_dim, output_dim], last_bias=False)
        self.standardize = nn.BatchNorm1d(output_dim, affine=False)

    def forward(self, views):
        z1, z2 = self.embed(views)
        correlation = self.standardize(z1).T @ self.standardize(z2) / len(z1)
        diagonal = correlation.diagonal()
        on = (diagonal - 1).square().sum()
        off = correlation.square().sum() - diagonal.square().sum()
        return on + self.redundancy_weight * off


class VICReg(Method):
    def __init__(self, encoder, hidden_dim, output_dim):
        super().__init__(encoder)
        self.projector = mlp([self.dim, hidden_dim, hidden_dim, output_dim])

    def forward(self, views):
        z1, z2 = self.embed(views)
        variance = covariance = 0.0
        for z in (z1, z2):
            z = z - z.mean(0)
            std = (z.var(0) + 1e-4).sqrt()
            variance = variance + F.relu(1 - std).mean() / 2
            cov = z.T @ z / (len(z) - 1)
            off = cov.square().sum() - cov.diagonal().square().sum()
            covariance = covariance + off / z.shape[1]
        return 25.0 * F.mse_loss(z1, z2) + 25.0 * variance + covariance


class SimSiam(Method):
    def __init__(self, encoder, hidden_dim, output_dim, predictor_dim):
        super().__init__(encoder)
        widths = [self.dim, hidden_dim, hidden_dim, output_dim]
        self.projector = mlp(widths, last_batch_norm="plain")
        self.predictor = mlp([output_dim, predictor_dim, output_dim])

    def forward(self, views):
        z1, z2 = self.embed(views)
        p1, p2 = self.predictor(z1), self.predictor(z2)
        cosine = F.cosine_similarity(p1, z2.detach()).mean()
        return -(cosine + F.cosine_similarity(p2, z1.detach()).mean()) / 2


class WithTeacher(Method):
    def copy_students(self, *students):
        self.students = students  # a tuple: not registered a second time
        self.teacher = copy.deepcopy(nn.Sequential(*students))
        self.teacher.requires_grad_(False)
        self.steps = 0

    @torch.no_grad()
    def after_step(self):
        # Half a cosine to 1, as if for 1,000 steps.
        self.steps += 1
        momentum = 1 - (1 - self.momentum) * (math.cos(math.pi * self.steps / 1000) + 1) / 2
        mine = list(self.teacher.parameters())
        theirs = list(nn.Sequential(*self.students).parameters())
        torch._foreach_lerp_(mine, theirs, 1 - momentum)


class BYOL(WithTeacher):
    def __init__(self, encoder, momentum, hidden_dim, output_dim, predictor_dim):
        super().__init__(encoder)
        self.momentum = momentum
        self.projector = mlp([self.dim, hidden_dim, output_dim])
        self.predictor = mlp([output_dim, predictor_dim, output_dim])
        self.copy_students(self.encoder, self.projector)

    def forward(self, views):
        p1, p2 = (self.predictor(z) for z in self.embed(views))
        with torch.no_grad():
            t1, t2 = (self.teacher(view) for view in views)
        return 2 - F.cosine_similarity(p1, t2).mean() - F.cosine_similarity(p2, t1).mean()


class MoCo(WithTeacher):
    def __init__(
        self, encoder, temperature, queue_size, momentum, symmetric, hidden_dim, output_dim
    ):
        super().__init__(encoder)
        assert symmetric
        self.temperature, self.momentum = temperature, momentum
        self.projector = mlp([self.dim, hidden_dim, output_dim], batch_norm=False)
        self.copy_students(self.encoder, self.projector)
        self.register_buffer("queue", F.normalize(torch.randn(queue_size, output_dim), dim=1))
        self.place = 0

    def forward(self, views):
        q1, q2 = (F.normalize(z, dim=1) for z in self.embed(views))
        with torch.no_grad():
            k1, k2 = (F.normalize(self.teacher(view), dim=1) for view in views)
        self.keys = torch.cat([k1, k2])
        return (self._contrast(q1, k2) + self._contrast(q2, k1)) / 2

    def _contrast(self, query, key):
        positive = (query * key).sum(1, keepdim=True)
        logits = torch.cat([positive, query @ self.queue.T], dim=1) / self.temperature
        return F.cross_entropy(logits, torch.zeros(len(query), dtype=torch.long))

    @torch.no_grad()
    def after_step(self):
        super().after_step()
        rows = torch.arange(self.place, self.place + len(self.keys)) % len(self.queue)
        self.queue[rows] = self.keys.float()  # bfloat16 under autocast
        self.place = (self.place + len(self.keys)) % len(self.queue)


class SwAV(Method):
    temperature, epsilon, iterations = 0.1, 0.05, 3

    def __init__(self, encoder, num_prototypes, frozen_epochs, hidden_dim, output_dim):
        super().__init__(encoder)
        self.projector = mlp([self.dim, hidden_dim, output_dim])
        self.prototypes = nn.Linear(output_dim, num_prototypes, bias=False)
        self.after_step()

    def forward(self, views):
        s1, s2 = (self.prototypes(F.normalize(z, dim=1)) for z in self.embed(views))
        return (self._predict(s1, self._assign(s2)) + self._predict(s2, self._assign(s1))) / 2

    def _predict(self, scores, assignments):
        return -(assignments * F.log_softmax(scores / self.temperature, dim=1)).sum(1).mean()

    @torch.no_grad()
    def _assign(self, scores):
        q = torch.exp(scores / self.epsilon).T
        q /= q.sum()
        for _ in range(self.iterations):
            q /= q.sum(dim=1, keepdim=True) * q.shape[0]
            q /= q.sum(dim=0, keepdim=True) * q.shape[1]
        return (q * q.shape[1]).T

    @torch.no_grad()
    def after_step(self):
        self.prototypes.weight.copy_(F.normalize(self.prototypes.weight, dim=1))


class CosinePrototypes(nn.Module):
    """DINO's last layer: weight normalisation with its gain fixed at 1."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * 0.02)

    def forward(self, z):
        return F.linear(F.normalize(z, dim=1), F.normalize(self.weight, dim=1))


class DINO(WithTeacher):
    student_temperature, teacher_temperature, clip_norm = 0.1, 0.04, 3.0

    def __init__(
        self,
        encoder,
        momentum,
        teacher_temperature_epochs,
        hidden_dim,
        bottleneck_dim,
        output_dim,
        batch_norm,
    ):
        super().__init__(encoder)
        self.momentum = momentum
        widths = [self.dim, hidden_dim, hidden_dim, bottleneck_dim]
        self.projector = mlp(widths, batch_norm=batch_norm, activation=nn.GELU)
        self.prototypes = CosinePrototypes(bottleneck_dim, output_dim)
        self.copy_students(self.encoder, self.projector, self.prototypes)
        self.register_buffer("center", torch.zeros(output_dim))

    def forward(self, views):
        students = [self.prototypes(z) for z in self.embed(views)]
        with torch.no_grad():
            teachers = [self.teacher(view) for view in views]
        self.logits = torch.cat(teachers)
        return (
            self._one_way(students[0], teachers[1]) + self._one_way(students[1], teachers[0])
        ) / 2

    def _one_way(self, student, teacher):
        target = F.softmax((teacher - self.center) / self.teacher_temperature, dim=1)
        prediction = F.log_softmax(student / self.student_temperature, dim=1)
        return -(target * prediction).sum(1).mean()

    def clip(self):
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        norms = torch.stack(torch._foreach_norm(gradients))
        scales = (self.clip_norm / (norms + 1e-6)).clamp(max=1)
        torch._foreach_mul_(gradients, list(scales))

    @torch.no_grad()
    def after_step(self):
        super().after_step()
        self.center.mul_(0.9).add_(self.logits.mean(0), alpha=0.1)
