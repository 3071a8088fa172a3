"""What runs inside Redis, each script whole or not at all: everything is checked before the first write.

Redis refuses a script's first write where memory or disk ran out, and none after it. XACK is never refused for that
reason, and so comes last. A script's time goes into its calls, not into what they carry: users and events of a commit
are read and written in one call each.
"""

from __future__ import annotations

# The epochs of leases. KEYS: leases. `epochs` are in the same order.
CHECK_FENCES = """
local function check_fences(epochs)
  for i, epoch in ipairs(epochs) do
    if redis.call('HGET', KEYS[i], 'epoch') ~= epoch then return {'fenced', i} end
  end
end
"""

# KEYS: leases; then the log, the users of the journey, notes, dead letters, the stream of messages; then users; then
# their events, user by user.
# ARGV: a msgpack map (without bytes: Redis' cmsgpack reads none), the entry of the log, the versions that are replaced
# (8 bytes each); then the states; then the events, of which each user's first lacks its pointer to the one before; then
# names and values of notes; then dead letters.
COMMIT = (
    CHECK_FENCES
    + """
local CHUNK = 2000  -- arguments in one call, an even number: Lua's stack has room for 8000
local head = cmsgpack.unpack(ARGV[1])
local wrong = check_fences(head.epochs)
if wrong then return wrong end
local base = #head.epochs
local LOG, USERS, NOTES, LETTERS, STREAM = KEYS[base+1], KEYS[base+2], KEYS[base+3], KEYS[base+4], KEYS[base+5]
local users, n_users, n_events = base + 5, #head.counts, head.events
local events, states, values = users + n_users, 3, 3 + n_users

local function pending(ids)
  local found = redis.call('XPENDING', STREAM, head.group, ids[1], ids[#ids], #ids)
  for i, id in ipairs(ids) do
    if not found[i] or found[i][1] ~= id then  -- others lie between, or this one is gone
      if #redis.call('XPENDING', STREAM, head.group, id, id, 1) == 0 then return false end
    end
  end
  return true
end
if #head.ack > 0 and not pending(head.ack) then return {'settled', 0} end

local before = {}  -- of each user, the pointer to the last event, as it stands behind the version in their state
local NEW, NEVER = string.rep('\\0', 8), '\\0\\0'
for first = 1, n_users, CHUNK do
  local last = math.min(first + CHUNK - 1, n_users)
  local found = redis.call('MGET', unpack(KEYS, users + first, users + last))
  for i = first, last do
    local state = found[i - first + 1]
    local version = state and string.sub(state, 1, 8) or NEW
    if version ~= string.sub(ARGV[3], 8*i - 7, 8*i) then return {'moved', i} end
    before[i] = state and string.sub(state, 9, 10 + struct.unpack('>I2', state, 9)) or NEVER
  end
end
for first = 1, n_events, CHUNK do
  local last = math.min(first + CHUNK - 1, n_events)
  if redis.call('EXISTS', unpack(KEYS, events + first, events + last)) > 0 then return {'known', 0} end
end

local set, n, event = {}, 0, 0
for i = 1, n_users do
  local state, count = ARGV[states + i], head.counts[i]
  if count == 0 then  -- a mended state: the last event remains the last
    state = string.sub(state, 1, 8) .. before[i] .. string.sub(state, 11)
  end
  set[n+1], set[n+2] = KEYS[users + i], state
  n = n + 2
  for k = 1, count do
    event = event + 1
    local value = ARGV[values + event]
    if k == 1 then value = before[i] .. value end
    set[n+1], set[n+2] = KEYS[events + event], value
    n = n + 2
  end
end
for first = 1, n, CHUNK do redis.call('MSET', unpack(set, first, math.min(first + CHUNK - 1, n))) end
if ARGV[2] ~= '' then redis.call('XADD', LOG, '*', 'c', ARGV[2]) end
for first = 1, #head.new, CHUNK do
  local added = {}
  for i = first, math.min(first + CHUNK - 1, #head.new) do
    added[#added+1] = '0'
    added[#added+1] = head.new[i]
  end
  redis.call('ZADD', USERS, unpack(added))
end
local at = values + n_events + 1
for _ = 1, head.notes do
  redis.call('HSET', NOTES, ARGV[at], ARGV[at+1])
  at = at + 2
end
for i = at, #ARGV do redis.call('XADD', LETTERS, '*', 'l', ARGV[i]) end
for first = 1, #head.ack, CHUNK do
  redis.call('XACK', STREAM, head.group, unpack(head.ack, first, math.min(first + CHUNK - 1, #head.ack)))
end
return {'done', 0}
"""
)

# KEYS: leases, then the notes. ARGV: a msgpack map, then names and values of notes.
KEEP = (
    CHECK_FENCES
    + """
local head = cmsgpack.unpack(ARGV[1])
local wrong = check_fences(head.epochs)
if wrong then return wrong end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[#KEYS], ARGV[i], ARGV[i+1]) end
return {'done', 0}
"""
)

# KEYS: none. ARGV: the beginning of the keys of a user's events, the id to begin with, how many. Gives events from the
# last to the first; each begins with a pointer to the one before.
WALK = """
local all, id = {}, ARGV[2]
while id ~= '' and #all < tonumber(ARGV[3]) do
  local event = redis.call('GET', ARGV[1] .. id)
  if not event then return redis.error_reply('LOST ' .. id) end
  all[#all+1] = event
  id = string.sub(event, 3, 2 + struct.unpack('>I2', event))
end
return all
"""

# KEYS: a lease. ARGV: the owner, milliseconds. A lease is free where its time is over, or where it was renewed in the
# future (the clock was set back). An epoch is at least the time in ms: a server that lost its last second in a power
# cut does not give the epoch of that second to somebody else.
CLAIM = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'renewed', 'until')
local epoch = tonumber(lease[2] or '0')
if lease[1] ~= ARGV[1] then
  if lease[1] and tonumber(lease[3]) <= now and now < tonumber(lease[4]) then return false end
  epoch = math.max(epoch + 1, now)
end
local text = string.format('%.0f', epoch)
local renewed, till = string.format('%.0f', now), string.format('%.0f', now + tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'epoch', text, 'renewed', renewed, 'until', till)
return text
"""

# KEYS: a lease. ARGV: the epoch.
RELEASE = """
if redis.call('HGET', KEYS[1], 'epoch') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'owner', '', 'epoch', string.format('%.0f', ARGV[1] + 1), 'until', '0')
end
"""
