#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A debuginfod server that means harm: debuginfod_server.py FILES PORT-FILE LOG [CERTIFICATE KEY].

The first part of the path says how: /wrong, /garbage, /empty give files of FILES; /endless and /huge
too many bytes, /drip one now and then, /silent none at all, /hold neither, but only once; /within redirects to /right, /circle to
itself, /away to another server; /error fails. Requests are logged."""
import http.server, os, ssl, sys, time

files, port_file, log = sys.argv[1:4]
held = set()

class Handler(http.server.BaseHTTPRequestHandler):
    def give(self, data, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        with open(log, 'a') as out:
            out.write(self.path + '\n')
        how = self.path.split('/')[1]
        try:
            if how in ('right', 'wrong', 'garbage', 'empty'):
                with open(os.path.join(files, how), 'rb') as file:
                    self.give(file.read())
            elif how == 'none':
                self.give(b'no such file', 404)
            elif how == 'error':
                self.give(b'broken', 500)
            elif how == 'huge':
                self.send_response(200)
                self.send_header('Content-Length', str(1 << 40))
                self.end_headers()
                self.wfile.write(b'x' * 1000)
            elif how == 'endless':
                self.send_response(200)
                self.end_headers()
                while True:
                    self.wfile.write(b'x' * 65536)
            elif how == 'drip':
                self.send_response(200)
                self.send_header('Content-Length', '1000000')
                self.end_headers()
                while True:
                    self.wfile.write(b'x')
                    self.wfile.flush()
                    time.sleep(0.2)
            elif how == 'silent':
                time.sleep(600)
            elif how == 'hold' and how not in held:
                held.add(how)
                time.sleep(600)
            elif how == 'hold':
                self.give(b'no such file', 404)
            elif how == 'within':
                self.give(b'', 302, Location=self.path.replace('within', 'right'))
            elif how == 'circle':
                self.give(b'', 302, Location=self.path)
            elif how == 'away':
                self.give(b'', 302, Location='http://localhost:%d%s' % (server.server_port, self.path))
            elif how == 'file':
                self.give(b'', 302, Location='file:///etc/passwd')
        except OSError:
            pass

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
server.daemon_threads = True
server.handle_error = lambda *args: None # of clients that do not trust it
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[4:6])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
with open(port_file + '.new', 'w') as out:
    out.write(str(server.server_port))
os.rename(port_file + '.new', port_file)
server.serve_forever()
