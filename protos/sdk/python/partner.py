"""How a partner's channel calls: which calls are made again by gRPC itself, and how soon."""

from importlib.resources import files

SERVICE_CONFIG = files("laurel").joinpath("service_config.json").read_text(encoding="utf-8")
"""Of a channel: `grpc.secure_channel(…, [("grpc.service_config", SERVICE_CONFIG)])`."""
