"""The two scripts that write to Redis, and what they are given. Nothing else runs in Redis while one does.

Keys, after the prefix: ``records`` (hash: cookie -> record), ``expires`` (sorted set: cookie -> deadline in
milliseconds of Unix time), ``holders`` (hash: "HOST PORT" -> cookie of the record that is active there), ``log``
(stream: all changes of the last LOG_TIME seconds) and ``layout``. A record is alive if its first flag is 1 and its
deadline has not passed: nothing has to be written when a TTL runs out.
"""

from __future__ import annotations

from hashlib import sha1

from ..record import Moment
from ..rules import Changes, Found
from .coding import Timeline, encode_record

NAMES = ("records", "expires", "holders", "log")
TYPES = {"records": b"hash", "expires": b"zset", "holders": b"hash", "log": b"stream", "layout": b"string"}

LAYOUT = b"1"
"""Version of all this, kept under ``layout``."""

LOG_TIME = 60
"""Seconds for which a change stays in the log: an RS that was cut off for longer reads all records again."""

_COMMON = """
local records, expires, holders, log = unpack(KEYS)

local function last()
  local entry = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  return entry and entry[1] or '0-0'
end

local function append(...)
  local oldest = (redis.call('TIME')[1] - LOG_TIME) * 1000
  return redis.call('XADD', log, 'MINID', '~', string.format('%.0f', oldest), '*', 'after', last(), ...)
end
""".replace("LOG_TIME", str(LOG_TIME))

COMMIT = (
    _COMMON
    + """
local now, cookie, expected, address, holder, until_, value, deadline, dropped = unpack(ARGV)
now = tonumber(now)

local function deadline_of(name)
  return tonumber(redis.call('ZSCORE', expires, name) or 0)
end

-- '1' or '0' for alive or not, and the record without its flags; '' if there is none
local function state(name)
  local record = redis.call('HGET', records, name)
  if not record then return '' end
  local alive = record:sub(1, 1) == '1' and deadline_of(name) > now
  return (alive and '1' or '0') .. record:sub(3), record
end

local function release(name, record)
  local place = record:match('^.. (%S+ %S+)')
  if place and redis.call('HGET', holders, place) == name then redis.call('HDEL', holders, place) end
end

local found, old = state(cookie)
local present = redis.call('HGET', holders, address)
if present and state(present):sub(1, 1) ~= '1' then present = nil end
local same = found == expected and (present or '') == holder
  and (holder == '' or holder == cookie or deadline_of(holder) <= tonumber(until_))
local other, forgotten = '0', nil
if dropped ~= '' then other, forgotten = state(dropped) end
if not same or other:sub(1, 1) ~= '0' then return {0, last()} end

if forgotten then
  release(dropped, forgotten)
  redis.call('HDEL', records, dropped)
  redis.call('ZREM', expires, dropped)
end
if old then
  release(cookie, old)
  if old:sub(2, 2) == '1' then value = value:sub(1, 1) .. '1' .. value:sub(3) end
end
if value:sub(1, 1) == '1' then
  local place = value:match('^.. (%S+ %S+)')
  local before = redis.call('HGET', holders, place)
  if before then
    local record = redis.call('HGET', records, before)
    if record then redis.call('HSET', records, before, '0' .. record:sub(2)) end
  end
  redis.call('HSET', holders, place, cookie)
end
redis.call('HSET', records, cookie, value)
redis.call('ZADD', expires, deadline, cookie)
return {1, append('cookie', cookie, 'value', value, 'deadline', deadline, 'dropped', dropped)}
"""
)
"""Write the record `cookie` if what the decision looked at is still the same; return (written?, last entry of the log).

Looked at: `expected`, the state of the record; `holder`, the cookie of the record that is alive at `address`, which is
not renewed beyond `until_` if it is another one; `dropped`, which must not be alive. Who is at the address of the new
record becomes inactive."""

RENEW = (
    _COMMON
    + """
local done = {}
for cookie, deadline in ARGV[1]:gmatch('(%d+) (%d+)') do
  local record = redis.call('HGET', records, cookie)
  if record and record:sub(1, 1) == '1' then
    if record:sub(2, 2) == '0' then redis.call('HSET', records, cookie, '11' .. record:sub(3)) end
    redis.call('ZADD', expires, 'GT', deadline, cookie)
    done[#done + 1] = cookie .. ' ' .. deadline
  end
end
if #done > 0 then append('renewed', table.concat(done, ' ')) end
return #done
"""
)
"""Extend the deadlines of records; one that has left or lost its address stays as it is. Argument: cookies and
deadlines (`coding.encode_renewals`). Return how many were renewed."""


def commit_arguments(found: Found, changes: Changes, at: Moment, timeline: Timeline) -> list[str | bytes | int]:
    """Return the arguments of COMMIT for changes that were decided upon at `at`, when `found` was found."""
    record, before, holder, dropped = changes.record, found.record, found.holder, changes.dropped
    address = found.lookup.address or record.address
    return [
        timeline.mark(at.now),
        record.cookie,
        b"" if before is None else b"%d%b" % (before.alive(at.now), encode_record(before)[2:]),
        f"{address[0]} {address[1]}",
        "" if holder is None else holder.cookie,
        0 if holder is None else timeline.deadline(holder.deadline),
        encode_record(record),
        timeline.deadline(record.deadline),
        "" if dropped is None else dropped.cookie,
    ]


def digest(script: str) -> str:
    """Return the name under which Redis knows a script that it has loaded."""
    return sha1(script.encode(), usedforsecurity=False).hexdigest()
