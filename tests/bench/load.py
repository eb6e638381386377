"""A load generator in a process of its own: keep-alive connections that post one body as fast as answers come."""

import asyncio
import sys
import time
from pathlib import Path

import uvloop


async def main(host: str, port: int, path: str, body: bytes, seconds: float, connections: int) -> int:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    deadline = time.monotonic() + seconds
    counts = [0] * connections

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        while time.monotonic() < deadline:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer.split(b"\r\n")[0].decode())
            counts[number] += 1
        writer.close()

    await asyncio.gather(*(one(number) for number in range(connections)))
    return sum(counts)


if __name__ == "__main__":
    url_host, url_port, url_path, file, duration, wide = sys.argv[1:]
    print(uvloop.run(main(url_host, int(url_port), url_path, Path(file).read_bytes(), float(duration), int(wide))))
