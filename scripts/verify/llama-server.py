"""Serves a GGUF model behind an OpenAI-compatible endpoint on loopback, with llama.cpp's own server.

Usage: llama-server.py MODEL.gguf PORT
Prints the base URL once requests are answered, then serves until it is stopped.
"""

import os
import signal
import sys

# Threads that spin for each other stand still once something else wants a core.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import xllamacpp  # noqa: E402  (it reads the variable above)

SLOTS = 4
CONTEXT = 8192

model, port = sys.argv[1], int(sys.argv[2])
params = xllamacpp.CommonParams()
params.model.path = model
params.hostnames = ["127.0.0.1"]
params.port = port
params.n_parallel = SLOTS
params.n_ctx = SLOTS * CONTEXT
params.cache_ram_mib = 512
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = max(1, (os.cpu_count() or 1) // 2)
# Without these a model this small repeats itself up to the output limit.
params.sampling.penalty_repeat = 1.1
params.sampling.penalty_last_n = 256
params.sampling.dry_multiplier = 0.8
params.sampling.dry_penalty_last_n = 1024
params.verbosity = 1
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server = xllamacpp.Server(params)
print(f"{server.listening_address}/v1", flush=True)
while True:
    signal.pause()
