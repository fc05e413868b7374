"""The application: addresses, answers, and what becomes of errors."""

import contextlib
import time

import numpy as np
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from keras_center_ssl._version import __version__
from keras_center_ssl.errors import InputError, nearest
from keras_center_ssl.service import bodies
from keras_center_ssl.service.limits import Limits
from keras_center_ssl.service.metrics import CONTENT_TYPE, Metrics
from keras_center_ssl.service.pool import Busy, Pool


class EncoderInfo(BaseModel):
    """What an encoder takes and gives."""

    name: str
    input_shape: list[int | None]
    feature_dim: int
    neighbors: int | None
    metadata: dict[str, str]


class Features(BaseModel):
    """Features, a row per image."""

    encoder: str
    features: list[list[float]]


class Neighbor(BaseModel):
    """A row of the set that is searched."""

    index: int
    cosine: float
    path: str | None = None
    label: int | float | str | None = None
    class_name: str | None = None


class NeighborLists(BaseModel):
    """The nearest rows, a list per image, nearest first."""

    encoder: str
    neighbors: list[list[Neighbor]]


_ERRORS = {
    404: {"description": "No such encoder, or nothing to search."},
    413: {"description": "The body or the number of images is beyond the limit."},
    422: {"description": "Not an image that can be read."},
    503: {"description": "All workers are busy: come again after `Retry-After` seconds."},
}


def create_app(encoders, limits: Limits | None = None) -> FastAPI:
    """The service as an ASGI application.

    Args:
        encoders: Name -> `encoders.ServedEncoder`.
        limits: `None`: the defaults.
    """
    service = Service(encoders, limits or Limits())
    app = FastAPI(
        title="center-ssl",
        version=__version__,
        summary="Features of images from self-supervised encoders.",
        lifespan=service.lifespan,
    )
    app.state.service = service
    app.add_exception_handler(Busy, service.busy)
    app.get("/healthz", summary="Whether the process lives")(service.healthz)
    app.get(
        "/readyz",
        summary="Whether requests are taken",
        responses={503: {"description": "Stopping."}},
    )(service.readyz)
    app.get("/metrics", response_class=PlainTextResponse, summary="For Prometheus")(service.metrics)
    app.get("/encoders", summary="The encoders")(service.listing)
    for path, answer in (("features", service.features), ("neighbors", service.neighbors)):
        app.post(
            f"/encoders/{{name}}/{path}",
            openapi_extra=bodies.OPENAPI,
            responses=_ERRORS,
            summary=answer.__doc__,
        )(answer)
    return app


class Service:
    """What the addresses do. `ready` is set while requests are taken."""

    def __init__(self, encoders, limits):
        self.encoders, self.limits = encoders, limits
        self.counts = Metrics()
        self.pool = Pool(limits.workers, limits.waiting)
        self.ready = False

    @contextlib.asynccontextmanager
    async def lifespan(self, app):
        self.ready = True
        try:
            yield
        finally:
            self.ready = False
            self.pool.close()

    async def busy(self, request: Request, error: Busy):
        return JSONResponse(
            {"detail": "All workers are busy; come again."},
            503,
            {"Retry-After": str(self.limits.retry_after)},
        )

    async def healthz(self) -> dict[str, str]:
        return {"status": "ok"}

    async def readyz(self) -> dict[str, str]:
        if not self.ready:
            raise HTTPException(503, "Stopping.")
        return {"status": "ready"}

    async def metrics(self):
        return PlainTextResponse(self.counts.text(self.pool.pending), media_type=CONTENT_TYPE)

    async def listing(self) -> list[EncoderInfo]:
        return [
            EncoderInfo(
                name=encoder.name,
                input_shape=list(encoder.input_shape),
                feature_dim=encoder.feature_dim,
                neighbors=None if encoder.neighbors is None else len(encoder.neighbors),
                metadata=encoder.metadata,
            )
            for encoder in self.encoders.values()
        ]

    async def features(
        self,
        request: Request,
        name: str,
        normalize: bool = Query(False, description="Whether to divide features by their length."),
    ) -> Features:
        """Features of images"""
        encoder = self._encoder(name)
        async with self._counted(name):
            features = await self._embedded(request, encoder)
            if normalize:
                length = np.linalg.norm(features, axis=1, keepdims=True)
                features = features / np.maximum(length, 1e-12)
            return Features(encoder=name, features=features.tolist())

    async def neighbors(
        self,
        request: Request,
        name: str,
        count: int = Query(10, ge=1, description="Neighbours per image."),
    ) -> NeighborLists:
        """Nearest neighbours of images"""
        encoder = self._encoder(name)
        async with self._counted(name):
            if encoder.neighbors is None:
                raise HTTPException(404, f"The encoder {name!r} has no set to search.")
            if count > self.limits.neighbors:
                raise HTTPException(413, f"At most {self.limits.neighbors} neighbours per image.")
            features = await self._embedded(request, encoder)
            found = await self.pool.run(encoder.neighbors.nearest, features, count)
            return NeighborLists(encoder=name, neighbors=found)

    def _encoder(self, name):
        if name not in self.encoders:
            raise HTTPException(
                404,
                f"Unknown encoder {name!r}.{nearest(name, self.encoders)} "
                f"There are: {', '.join(sorted(self.encoders))}.",
            )
        return self.encoders[name]

    async def _embedded(self, request, encoder):
        self.pool.check()  # before the body takes memory
        body = await bodies.read(request, self.limits.body_bytes)
        kind = request.headers.get("content-type", "")
        try:
            features = await self.pool.run(self._features_of, encoder, body, kind)
        except InputError as error:
            raise HTTPException(422, str(error)) from None
        self.counts.images(encoder.name, len(features))
        return features

    def _features_of(self, encoder, body, kind):
        """In a thread: even to take JSON apart takes a while."""
        return encoder.embed(bodies.image_files(body, kind, self.limits.images), self.limits.pixels)

    @contextlib.asynccontextmanager
    async def _counted(self, name):
        start, status = time.perf_counter(), 500
        try:
            yield
            status = 200
        except HTTPException as error:
            status = error.status_code
            raise
        except Busy:
            status = 503
            raise
        finally:
            self.counts.request(name, status, time.perf_counter() - start)
