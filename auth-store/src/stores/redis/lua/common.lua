-- What the scripts share. The layout of a record is told in encoding/mod.rs.
--
-- Every script reads, then publishes, then writes. What cannot be read ends it while nothing has
-- changed; whatever ends it later, those who listen have been told of all that was written. Nobody sees
-- the message before the script is over.
--
-- While a slot of a cluster moves, some of its keys are here and some there. A server that has lost a key
-- refuses it; the one that the slot moves to takes it for missing, unless it is asked for together with
-- another one.

local FORMAT, HEAD = 1, 109
local GONE, DONE, STALE, TAKEN, FULL = 0, 1, 2, 3, 4
-- What has expired is kept for an hour: the clocks of the callers and of Redis may differ.
local SLACK = 3600000

local function known(bytes)
  if #bytes < 48 or string.byte(bytes, 1) ~= FORMAT then
    error('AUTHFORMAT the record is of another version')
  end
  return bytes
end

local function number(bytes, at)
  return (struct.unpack('>I8', bytes, at))
end

-- When a record ends unless it is used.
local function ending(bytes)
  local ends, idle = number(bytes, 41), struct.unpack('>I4', bytes, 37)
  if idle == 0 then return ends end
  return math.min(ends, number(bytes, 5) + idle * 1000)
end

local function decimal(value)
  return string.format('%.0f', value)
end

-- Has Redis collect the key some time after this moment, or never.
local function collect(key, at)
  if at > 9e15 then
    redis.call('PERSIST', key)
  else
    redis.call('PEXPIREAT', key, decimal(at + SLACK))
  end
end

-- A subject's index lasts as long as the longest of its sign-ins. `ttl` is what it had before.
local function prolong(index, ttl, at)
  if ttl == -1 then return end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if ttl < 0 or now + ttl < at + SLACK then collect(index, at) end
end

-- The parts of a record after its head.
local function split(bytes)
  local subject, grace, details, principal = struct.unpack('>I4BI4I4', bytes, 97)
  local at = HEAD + 1
  local function part(length)
    at = at + length
    return string.sub(bytes, at - length, at - 1)
  end
  return {
    subject = part(subject),
    grace = part(grace),
    details = part(details),
    principal = part(principal),
    data = string.sub(bytes, at),
  }
end

local function join(head, parts)
  return head
    .. struct.pack('>I4BI4I4', #parts.subject, #parts.grace, #parts.details, #parts.principal)
    .. parts.subject .. parts.grace .. parts.details .. parts.principal .. parts.data
end

-- The bytes of the next version.
local function raised(bytes)
  return struct.pack('>I8', number(bytes, 13) + 1)
end

local function is_anonymous(bytes)
  return string.byte(bytes, 4) % 2 == 0
end

-- The index that the record is in: its subject's, or its bucket's.
local function index_of(bytes, base)
  if is_anonymous(bytes) then return base .. 'a' end
  return base .. 'u:' .. split(bytes).subject
end

-- Where an anonymous sign-in stands in the index of its bucket: whoever ends first goes first.
local function score(ends)
  return decimal(math.min(ends, 9e15))
end

-- Whether this record of an index is there. An error if it may be on another server.
local function is_there(index, record)
  return redis.call('EXISTS', index, record) == 2
end

-- PUBLISH, and not SPUBLISH: a sharded channel belongs to one slot, so that no script of another
-- node could publish on it in the same step as its write. PUBLISH reaches the subscribers of every
-- node of a cluster.
local function publish(bus, what, sids)
  if #sids > 0 then
    redis.call('PUBLISH', bus, what .. ' ' .. table.concat(sids, ' '))
  end
end

