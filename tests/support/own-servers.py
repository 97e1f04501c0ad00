"""Servers of a test: NAME=PORT answers plain HTTP, NAME=PORT=PEM answers HTTPS alone, as git.example.com.

Each answer names the server in X-Server, and /up answers 302, as the start page of a Forgejo does.
"""

import http.server
import json
import ssl
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        host = self.headers.get("Host", "")
        is_strange = self.server.is_tls and host != "git.example.com"
        status = 421 if is_strange else 302 if self.path == "/up" else 200
        told = {"host": host, "path": self.path, "sni": getattr(self.connection, "asked", None)}
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("X-Server", self.server.own_name)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def note_name(connection, name, _context):
    connection.asked = name


for word in sys.argv[1:]:
    name, port, *pem = word.split("=")
    server = http.server.ThreadingHTTPServer(("0.0.0.0", int(port)), Handler)
    server.own_name, server.is_tls = name, bool(pem)
    if pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem[0])
        context.sni_callback = note_name
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever).start()
