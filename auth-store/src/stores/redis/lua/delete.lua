-- The end of one sign-in: whatever it is, or only at a version, or only if not used since.
local record = KEYS[1]
local only, value, sid, base, bus = unpack(ARGV)

local bytes = redis.call('GET', record)
if not bytes then return {GONE} end
if only == 'version' and string.sub(known(bytes), 13, 20) ~= value then return {STALE, bytes} end
if only == 'idle' and number(known(bytes), 5) > number(value, 1) then return {STALE} end

-- One of a later format ends as well. Its place in the index is cleared when it is next read, and so is
-- one in an index that is on another server while the slot moves.
local index = string.byte(bytes, 1) == FORMAT and index_of(bytes, base)
publish(bus, 'ended', {sid})
redis.call('DEL', record)
if index then redis.pcall('ZREM', index, sid) end
return {DONE}
