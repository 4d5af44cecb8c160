#!/usr/bin/env python3
"""A bad line between two network namespaces: rate, delay, jitter, loss and reordering under a real TCP stack.

Makes the namespaces `haversack-phone` (10.77.0.2) and `haversack-relay` (10.77.0.1), each with one TUN device, and carries packets
between them. Every line on standard input is a profile as JSON: {"up": kbit/s, "down": kbit/s, "delay": ms one way, "jitter": ms,
"loss": per cent, "reorder": per cent}; rates of 0 are without limit. Every line is answered with what passed since the last one:
{"packets", "bytes", "lost"}. Ends, and takes the namespaces away, when standard input closes. Needs root.
"""

import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PACKET_MAX = 2048
# A queue longer than this drops what comes: buffers of cells are deep, but not endless.
QUEUE_SECONDS, QUEUE_BYTES_MIN = 2.0, 32_768
OPEN = {"up": 0, "down": 0, "delay": 0, "jitter": 0, "loss": 0, "reorder": 0}
ENDS = {"haversack-phone": "10.77.0.2/30", "haversack-relay": "10.77.0.1/30"}


def ip(*args):
    subprocess.run(["ip", *args], check=True)


def open_end(namespace, address):
    """Makes a namespace with a TUN device in it; gives the file that its packets come from and go to."""
    ip("netns", "add", namespace)
    name = "hv" + namespace[-5:]
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    ip("link", "set", name, "netns", namespace)
    for args in (["address", "add", address, "dev", name], ["link", "set", name, "up"], ["link", "set", "lo", "up"]):
        ip("-n", namespace, *args)
    return tun


class Way:
    """One direction of the line."""

    def __init__(self, source, target, rate):
        self.source, self.target, self.rate = source, target, rate
        self.queue, self.free, self.last, self.number = [], 0.0, 0.0, 0

    def take(self, packet, profile, now):
        """Puts a packet on its way; says whether it is not lost."""
        bytes_a_second = profile[self.rate] * 125
        start = max(now, self.free)
        limit = max(QUEUE_SECONDS, QUEUE_BYTES_MIN / bytes_a_second) if bytes_a_second else 0
        if (bytes_a_second and start - now > limit) or random.random() * 100 < profile["loss"]:
            return False
        self.free = start + (len(packet) / bytes_a_second if bytes_a_second else 0)
        arrival = self.free + (profile["delay"] + random.random() * profile["jitter"]) / 1000
        if random.random() * 100 < profile["reorder"]:
            # Others overtake it.
            arrival += profile["delay"] / 1000 * random.random()
        else:
            arrival = self.last = max(arrival, self.last)
        self.number += 1
        heapq.heappush(self.queue, (arrival, self.number, packet))
        return True

    def deliver(self, now):
        while self.queue and self.queue[0][0] <= now:
            try:
                os.write(self.target, heapq.heappop(self.queue)[2])
            except OSError:
                pass  # The other end is not up, or full: a lost packet like any other.


def carry(ways):
    profile, counts = OPEN, {"packets": 0, "bytes": 0, "lost": 0}
    print(json.dumps({"ready": True}), flush=True)
    while True:
        now = time.monotonic()
        next_one = min((way.queue[0][0] for way in ways.values() if way.queue), default=now + 60)
        ready, _, _ = select.select([sys.stdin, *ways], [], [], max(0.0, next_one - now))
        now = time.monotonic()
        for source in ready:
            if source is sys.stdin:
                line = sys.stdin.readline()
                if not line:
                    return
                profile = OPEN | json.loads(line)
                random.seed(1)
                print(json.dumps(counts), flush=True)
                counts = {"packets": 0, "bytes": 0, "lost": 0}
                continue
            packet = os.read(source, PACKET_MAX)
            counts["packets"] += 1
            counts["bytes"] += len(packet)
            counts["lost"] += not ways[source].take(packet, profile, now)
        for way in ways.values():
            way.deliver(now)


def main():
    for namespace in ENDS:
        # What an interrupted run left behind.
        subprocess.run(["ip", "netns", "delete", namespace], stderr=subprocess.DEVNULL)
    try:
        phone, relay = (open_end(*end) for end in ENDS.items())
        carry({phone: Way(phone, relay, "up"), relay: Way(relay, phone, "down")})
    finally:
        for namespace in ENDS:
            subprocess.run(["ip", "netns", "delete", namespace], stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
