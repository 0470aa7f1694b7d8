-- Evicts the anonymous sign-ins of some buckets that would end first, and returns how many. It only deletes,
-- which a full server allows.
local max, channel = tonumber(ARGV[1]), ARGV[2]

local ended, places = {}, {}
for i, index in ipairs(KEYS) do
  if #ended == max then break end
  for _, sid in ipairs(redis.call('ZRANGE', index, 0, max - #ended - 1)) do
    -- A record that is on another server while the slot moves is left there.
    local found = redis.pcall('EXISTS', ARGV[i + 2] .. 's:' .. sid)
    if type(found) == 'number' then ended[#ended + 1], places[#places + 1] = sid, i end
  end
end
publish(channel, 'ended', ended)
for i, sid in ipairs(ended) do
  redis.call('DEL', ARGV[places[i] + 2] .. 's:' .. sid)
  redis.call('ZREM', KEYS[places[i]], sid)
end
return #ended
