"""Replays one trace through policies of libCacheSim. In: a JSON file {ids, sizes, capacities, policies}.
Out: a JSON line per replay. Objects larger than the cache are misses, whatever the policy says of them."""

import json
import sys
import time

import libcachesim

FAR = 2**62
POLICIES = {
    "S3-FIFO": libcachesim.S3FIFO,
    "SIEVE": libcachesim.Sieve,
    "W-TinyLFU": libcachesim.WTinyLFU,
    "GDSF": libcachesim.GDSF,
    "Belady": libcachesim.Belady,
}


def next_uses(ids):
    """For each request the index of the next one of the same object."""
    nexts = [FAR] * len(ids)
    seen = {}
    for index in range(len(ids) - 1, -1, -1):
        nexts[index] = seen.get(ids[index], FAR)
        seen[ids[index]] = index
    return nexts


def replay(cache, ids, sizes, nexts):
    request = libcachesim.Request()
    misses = missed_bytes = 0
    for index, number in enumerate(ids):
        size = sizes[number]
        request.obj_id = number
        # libCacheSim has no objects without bytes.
        request.obj_size = max(size, 1)
        request.clock_time = index
        request.next_access_vtime = nexts[index]
        if not cache.get(request):
            misses += 1
            missed_bytes += size
    return misses, missed_bytes


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        work = json.load(file)
    ids, sizes = work["ids"], work["sizes"]
    nexts = next_uses(ids)
    total = sum(sizes[number] for number in ids)
    for capacity in work["capacities"]:
        for name in work["policies"]:
            started = time.perf_counter()
            misses, missed_bytes = replay(POLICIES[name](cache_size=capacity), ids, sizes, nexts)
            seconds = time.perf_counter() - started
            print(
                json.dumps(
                    {
                        "capacityBytes": capacity,
                        "policy": name,
                        "objectMissRatio": misses / len(ids),
                        "byteMissRatio": missed_bytes / total,
                        "requestsPerSecond": len(ids) / seconds,
                    }
                ),
                flush=True,
            )


main()
