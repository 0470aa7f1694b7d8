-- Ends one sign-in of this subject.
local record, index = KEYS[1], KEYS[2]
local sid, channel = unpack(ARGV)

local there = redis.call('EXISTS', record) == 1
if not there or not redis.call('ZSCORE', index, sid) then return {GONE} end
publish(channel, 'ended', {sid})
redis.call('DEL', record)
redis.call('ZREM', index, sid)
return {DONE}
