-- Replaces the data of a sign-in, if it has the version that the caller has seen.
local record = KEYS[1]
local version, data, sid, channel = unpack(ARGV)

local bytes = redis.call('GET', record)
if not bytes then return {GONE} end
if string.sub(checked(bytes), 13, 20) ~= version then return {STALE, bytes} end

local parts = split(bytes)
parts.data = data
local head = string.sub(bytes, 1, 12) .. next_version(bytes) .. string.sub(bytes, 21, 96)
bytes = join(head, parts)
publish(channel, 'changed', {sid})
redis.call('SET', record, bytes, 'KEEPTTL')
return {DONE, bytes}
