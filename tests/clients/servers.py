# SPDX-License-Identifier: BSL-1.0
"""The servers that the programs of this directory talk to: how each is set up in a directory of its own, on loopback.

A function of `SERVERS` starts one and returns what its client finds in WEFT_TEST_SERVER.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PATIENCE = 60  # seconds for a server to start
UNPRIVILEGED = "nobody"  # who servers run as that refuse to be root


class Missing(Exception):
    """What is not installed on this machine."""


class Server:
    """One server with its files in a directory of its own. It stays in our process group: who ends that ends it, too."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.log = self.directory / "log.txt"
        self.user = []  # the words before its command line
        self.farewell = signal.SIGTERM
        self.process = None

    def start(self, *command):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([*self.user, *map(str, command)], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.directory)

    def setup(self, *command):
        done = subprocess.run([*self.user, *map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              cwd=self.directory)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {done.stdout[-1000:]}{done.stderr[-1000:]}")

    def wait_for(self, is_ready):
        begin = time.monotonic()
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() - begin > PATIENCE:
                raise RuntimeError(f"the server does not start: {self.said()}")
            time.sleep(0.02)

    def said(self):
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(self.farewell)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def leave_root(self):
        if os.getuid() == 0:
            self.user = [program("setpriv"), f"--reuid={UNPRIVILEGED}", "--clear-groups"]
            shutil.chown(self.directory, UNPRIVILEGED)


def program(*names):
    """The first of several programs that there is."""
    for name in names:
        if found := shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/libexec"):
            return found
    raise Missing(f"there is no {names[0]}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def redis(server):
    port = free_port()
    server.start(program("redis-server"), "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no",
                 "--maxclients", 4000, "--tcp-backlog", 2000)
    server.wait_for(lambda: listens(port))
    return f"127.0.0.1 {port}"


def postgres(server):
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[4]))
    if not found:
        raise Missing("there is no postgres")
    server.leave_root()
    server.farewell = signal.SIGINT  # without waiting for its clients
    data, port = server.directory / "data", free_port()
    server.setup(found[-1].with_name("initdb"), "-D", data, "-U", "weft", "-A", "trust", "-E", "UTF8", "--locale=C",
                 "--no-sync", "--no-instructions")
    server.start(found[-1], "-D", data, "-p", port, "-h", "127.0.0.1", "-k", server.directory, "-F",
                 "-c", "max_connections=150", "-c", "shared_buffers=16MB")
    # It listens before it answers.
    server.wait_for(lambda: "ready to accept" in server.said())
    return f"host=127.0.0.1 port={port} user=weft dbname=postgres"


def mariadb(server):
    daemon, port, data = program("mariadbd", "mysqld"), free_port(), server.directory / "data"
    user = ["--user=root"] if os.getuid() == 0 else []
    server.setup(program("mariadb-install-db", "mysql_install_db"), "--no-defaults", f"--datadir={data}", *user,
                 "--auth-root-authentication-method=normal", "--skip-test-db")
    start = server.directory / "start.sql"
    start.write_text("create database test;\ncreate user weft@'%' identified by 'weft';\n"
                     "grant all on *.* to weft@'%';\n")
    server.start(daemon, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1", *user,
                 f"--socket={server.directory / 'socket'}", "--max-connections=200", "--skip-name-resolve",
                 "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--skip-log-bin", f"--init-file={start}")
    server.wait_for(lambda: listens(port))
    return f"127.0.0.1 {port}"


NGINX = """
daemon off;
master_process off;
pid {directory}/pid;
error_log stderr;
events {{ worker_connections 1000; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  root {directory}/files;
  server {{
    listen 127.0.0.1:{plain} backlog=1000;
    location /gate {{ proxy_pass http://unix:{directory}/gate:/; proxy_http_version 1.0; }}
  }}
  server {{
    listen 127.0.0.1:{tls} ssl;
    ssl_certificate {directory}/certificate.pem;
    ssl_certificate_key {directory}/key.pem;
  }}
}}
"""


def nginx(server):
    """Its gate leads to a socket that the client's program listens at."""
    directory, plain, tls = server.directory, free_port(), free_port()
    (directory / "files").mkdir()
    (directory / "files/small").write_text("1,024 bytes" + "." * 1013)
    (directory / "files/large").write_text("x" * 2_000_000)
    server.setup(program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                 "-keyout", directory / "key.pem", "-out", directory / "certificate.pem")
    (directory / "nginx.conf").write_text(NGINX.format(directory=directory, plain=plain, tls=tls))
    server.start(program("nginx"), "-c", directory / "nginx.conf", "-e", "stderr")
    server.wait_for(lambda: listens(plain) and listens(tls))
    return f"{plain} {tls} {directory}"


def nothing(_):
    return ""


SERVERS = {"redis": redis, "postgres": postgres, "mariadb": mariadb, "curl": nginx, "openssl": nothing, "asio": nothing,
           "beast": nothing, "posix": nothing}
