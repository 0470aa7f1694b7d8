-- Ends one sign-in: always, only at a version, or only if it was not used since.
local record = KEYS[1]
local only, value, sid, base, channel = unpack(ARGV)

local bytes = redis.call('GET', record)
if not bytes then return {GONE} end
if only == 'version' and string.sub(checked(bytes), 13, 20) ~= value then return {STALE, bytes} end
if only == 'idle' and number(checked(bytes), 5) > number(value, 1) then return {STALE} end

-- A record of a later format is deleted, too. Its entry in the index is removed when the index is next read,
-- and so is an entry of an index that is on another server while the slot moves.
local index = string.byte(bytes, 1) == FORMAT and index_of(bytes, base)
publish(channel, 'ended', {sid})
redis.call('DEL', record)
if index then redis.pcall('ZREM', index, sid) end
return {DONE}
