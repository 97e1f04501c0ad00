"""A backend to practise on: names itself, answers health checks, speaks WebSocket, streams, counts POSTs.

Standard library only. PORT and SERVER_NAME come from the environment.
"""

import asyncio
import base64
import collections
import hashlib
import json
import os
import socket
import struct
import urllib.parse

NAME = os.environ.get("SERVER_NAME") or socket.gethostname()
PORT = int(os.environ.get("PORT", "8080"))
HEALTH = ("/health", "/api/v1/health")
REASONS = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 404: "Not Found", 426: "Upgrade Required",
           500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
MAX_BODY = 16 * 1024 * 1024

tokens = collections.Counter()  # Idempotency-Key of each POST that arrived, answered or not
behaviour = {"delay_ms": 0, "status": 200}  # of everything but health checks and /_demo/


class Request:
    def __init__(self, method, target, version, headers, body, peer):
        parts = urllib.parse.urlsplit(target)
        self.method, self.target, self.path, self.headers, self.body = method, target, parts.path, headers, body
        self.query = {key: values[-1] for key, values in urllib.parse.parse_qs(parts.query).items()}
        self.peer = peer
        connection = headers.get("connection", "").lower()
        self.keep_alive = "close" not in connection and (version == "HTTP/1.1" or "keep-alive" in connection)

    def number(self, name, default):
        try:
            return float(self.query[name])
        except (KeyError, ValueError):
            return default


async def read_request(reader, writer):
    line = await reader.readline()
    while line in (b"\r\n", b"\n"):
        line = await reader.readline()
    if not line:
        return None
    method, target, version = line.decode("latin-1").split()
    headers = {}
    while (line := await reader.readline()) not in (b"\r\n", b"\n"):
        if not line:
            return None
        name, _, value = line.decode("latin-1").partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = b""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
            if len(body) > MAX_BODY:
                raise ValueError("body too large")
        while (await reader.readline()) not in (b"\r\n", b"\n", b""):
            pass
    elif length := int(headers.get("content-length", "0")):
        if length > MAX_BODY:
            raise ValueError("body too large")
        body = await reader.readexactly(length)
    return Request(method, target, version, headers, body, writer.get_extra_info("peername")[0])


def head(status, fields, keep_alive=True):
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", f"X-Server: {NAME}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    if not keep_alive:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def answer(writer, request, status, data):
    body = b"" if status == 204 else json.dumps(data).encode() + b"\n"
    fields = {} if status == 204 else {"Content-Type": "application/json", "Content-Length": len(body)}
    writer.write(head(status, fields, request.keep_alive) + (b"" if request.method == "HEAD" else body))


async def control(writer, request):
    if request.path == "/_demo/tokens":
        if request.method == "DELETE":
            tokens.clear()
        return answer(writer, request, 200, tokens)
    if request.path == "/_demo/behaviour":
        if request.method == "DELETE":
            behaviour.update(delay_ms=0, status=200)
        elif request.method in ("POST", "PUT"):
            told = json.loads(request.body or b"{}")
            behaviour.update({name: int(told[name]) for name in ("delay_ms", "status") if name in told})
        return answer(writer, request, 200, {"server": NAME, **behaviour})
    answer(writer, request, 404, {"server": NAME, "error": "no such control"})


async def stream(writer, request):
    """A chunk each 100 ms. It ends as HTTP says it must, so a cut one is seen as such by the client."""
    writer.write(head(200, {"Content-Type": "text/plain", "Transfer-Encoding": "chunked"}, request.keep_alive))
    for number in range(max(1, round(request.number("seconds", 1) * 10))):
        data = f"{NAME} {number}\n".encode()
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await writer.drain()
        await asyncio.sleep(0.1)
    writer.write(b"0\r\n\r\n")


def frame(opcode, data, first_bit=0x80):
    size = len(data)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack("!H", size) if size < 65536 else b"\x7f" + struct.pack("!Q", size)
    return bytes([first_bit | opcode]) + length + data


async def websocket(reader, writer, request):
    """RFC 6455: says the server's name, then echoes."""
    key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    writer.write(f"HTTP/1.1 101 Switching Protocols\r\nX-Server: {NAME}\r\nUpgrade: websocket\r\n"
                 f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
    writer.write(frame(1, NAME.encode()))
    while True:
        await writer.drain()
        start, size = await reader.readexactly(2)
        opcode, masked, size = start & 0x0F, size & 0x80, size & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await reader.readexactly(8))
        if not masked or size > MAX_BODY:
            return writer.write(frame(8, struct.pack("!H", 1002)))
        mask = await reader.readexactly(4)
        data = await reader.readexactly(size)
        pad = (mask * (size // 4 + 1))[:size]
        data = (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
        if opcode == 8:
            return writer.write(frame(8, data[:2]))
        if opcode == 9:
            writer.write(frame(10, data))
        elif opcode != 10:
            writer.write(frame(opcode, data, start & 0x80))


async def respond(reader, writer, request):
    if request.path in HEALTH:
        return answer(writer, request, 200, {"server": NAME, "status": "ok"})
    if request.path.startswith("/_demo/"):
        return await control(writer, request)
    if request.method == "POST" and (token := request.headers.get("idempotency-key")):
        tokens[token] += 1
    if delay := request.number("delay_ms", behaviour["delay_ms"]):
        await asyncio.sleep(delay / 1000)
    status = int(request.number("status", behaviour["status"]))
    if status == 200 and request.headers.get("upgrade", "").lower() == "websocket" and "sec-websocket-key" in request.headers:
        await websocket(reader, writer, request)
        request.keep_alive = False
    elif status == 200 and request.path.rstrip("/").endswith("/stream") and request.method != "HEAD":
        await stream(writer, request)
    else:
        echo = {"server": NAME, "method": request.method, "path": request.target, "headers": request.headers,
                "client": request.peer, "status": status}
        answer(writer, request, status, echo)


async def serve(reader, writer):
    try:
        while request := await read_request(reader, writer):
            await respond(reader, writer, request)
            await writer.drain()
            if not request.keep_alive:
                break
    except (ValueError, KeyError, TypeError) as error:
        body = json.dumps({"server": NAME, "error": str(error)}).encode()
        writer.write(head(400, {"Content-Length": len(body)}, keep_alive=False) + body)
    except (OSError, asyncio.IncompleteReadError):
        pass  # the client went away
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "0.0.0.0", PORT, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
