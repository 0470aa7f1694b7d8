-- What the scripts share. The layout of a record is documented in record/bytes.rs.
--
-- Every script reads, then publishes, then writes. If a record cannot be read, the script ends before it
-- has changed anything. If the script ends later, everything that it has written was announced. No
-- subscriber receives the message before the script is over.
--
-- While a slot of a cluster moves, some of its keys are on one server and some on the other. The old server
-- refuses a key that has moved. The new server takes a key that has not arrived for missing, unless it is
-- requested together with one that has.

local FORMAT, HEAD = 1, 109
-- The kind of a record whose details begin with the name of the kind.
local CUSTOM = 4
local GONE, DONE, STALE, TAKEN, FULL = 0, 1, 2, 3, 4
-- Expired keys are kept for an hour, because the clocks of the callers and of Redis may differ.
local SLACK = 3600000

-- Returns whether a record has the format of this version.
local function is_readable(bytes)
  return #bytes >= 48 and string.byte(bytes, 1) == FORMAT
end

-- Returns the bytes of a record, if they can be read.
local function checked(bytes)
  if not is_readable(bytes) then error('AUTHFORMAT the record is of another version') end
  return bytes
end

local function number(bytes, at)
  return (struct.unpack('>I8', bytes, at))
end

-- Returns when a record ends unless it is used.
local function end_of(bytes)
  local ends, idle = number(bytes, 41), struct.unpack('>I4', bytes, 37)
  if idle == 0 then return ends end
  return math.min(ends, number(bytes, 5) + idle * 1000)
end

local function decimal(value)
  return string.format('%.0f', value)
end

-- Lets Redis delete the key some time after this moment, or never.
local function collect(key, at)
  if at > 9e15 then
    redis.call('PERSIST', key)
  else
    redis.call('PEXPIREAT', key, decimal(at + SLACK))
  end
end

-- Keeps a subject's index as long as the longest of its sign-ins. `ttl` is the one it had before.
local function prolong(index, ttl, at)
  if ttl == -1 then return end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if ttl < 0 or now + ttl < at + SLACK then collect(index, at) end
end

-- Returns the parts of a record after its head.
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

-- Returns the bytes of the next version.
local function next_version(bytes)
  return struct.pack('>I8', number(bytes, 13) + 1)
end

local function is_anonymous(bytes)
  return string.byte(bytes, 4) % 2 == 0
end

-- Returns the name of a custom kind as it precedes the details, with its length, or '' for other kinds.
local function kind_name(bytes)
  if string.byte(bytes, 2) ~= CUSTOM then return '' end
  local details = split(bytes).details
  return string.sub(details, 1, 1 + string.byte(details, 1))
end

-- Returns whether the record that begins with this head has the custom kind of this name or, if it is '', no
-- custom kind. Reads no more of the record than that.
local function has_kind(record, head, name)
  if string.byte(head, 2) ~= CUSTOM then return name == '' end
  if name == '' then return false end
  local subject, grace = struct.unpack('>I4B', head, 97)
  local at = HEAD + subject + grace
  return redis.call('GETRANGE', record, at, at + #name - 1) == name
end

-- Returns the index that contains the record: its subject's, or its bucket's.
local function index_of(bytes, base)
  if is_anonymous(bytes) then return base .. 'a' end
  return base .. 'u:' .. split(bytes).subject
end

-- Returns the score of an anonymous sign-in in its bucket's index. The lowest, which ends first, is evicted
-- first.
local function score(ends)
  return decimal(math.min(ends, 9e15))
end

-- Returns whether this record of an index exists. Fails if it may be on another server.
local function both_exist(index, record)
  return redis.call('EXISTS', index, record) == 2
end

-- Removes entries of an index whose records do not exist any more: Redis has collected them. Entries that
-- are left over, or that a server does not remove because it rejects writes, are removed the next time.
local function forget(index, missing)
  for i = 1, math.min(#missing, 1000) do redis.pcall('ZREM', index, missing[i]) end
end

-- Uses PUBLISH, not SPUBLISH: a sharded channel belongs to one slot, so a script on another server could not
-- publish on it in the same step as its write. PUBLISH reaches the subscribers on every server of a cluster.
local function publish(channel, what, sids)
  if #sids > 0 then
    redis.call('PUBLISH', channel, what .. ' ' .. table.concat(sids, ' '))
  end
end

