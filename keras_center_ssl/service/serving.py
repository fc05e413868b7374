"""The application in uvicorn: it stops gracefully, with what it has begun."""

import uvicorn

from keras_center_ssl.service.app import create_app


class Server(uvicorn.Server):
    """Not ready from the signal on, while requests that have begun are answered."""

    def __init__(self, config, service):
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig, frame):
        self._service.ready = False
        super().handle_exit(sig, frame)


def serve(encoders, limits, host="127.0.0.1", port=8000, grace=30):
    """Serves until SIGTERM or Ctrl-C, and then at most `grace` seconds longer."""
    app = create_app(encoders, limits)
    config = uvicorn.Config(
        app, host=host, port=port, log_level="info", timeout_graceful_shutdown=grace
    )
    Server(config, app.state.service).run()
