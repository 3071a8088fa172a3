#!/bin/sh
# The container's entry point. Compiled code can only be used where it could also be written (Numba), and the image may
# be read only: so what was compiled when it was built is copied to where it can be, 18 MB in some milliseconds.
set -eu
if [ ! -d "$NUMBA_CACHE_DIR" ]; then
    cp -Rp /opt/handrail/compiled "$NUMBA_CACHE_DIR"
fi
exec handrail serve "$@"
