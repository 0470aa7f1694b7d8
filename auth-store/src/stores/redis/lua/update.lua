local record = KEYS[1]
local version, data, sid, bus = unpack(ARGV)

local bytes = redis.call('GET', record)
if not bytes then return {GONE} end
if string.sub(known(bytes), 13, 20) ~= version then return {STALE, bytes} end

local parts = split(bytes)
parts.data = data
local head = string.sub(bytes, 1, 12) .. raised(bytes) .. string.sub(bytes, 21, 96)
bytes = join(head, parts)
publish(bus, 'changed', {sid})
redis.call('SET', record, bytes, 'KEEPTTL')
return {DONE, bytes}
