-- Ends anonymous sign-ins of some buckets, those that would end first, and says how many. It only takes
-- away: a full server allows that.
local most, bus = tonumber(ARGV[1]), ARGV[2]

local ended, places = {}, {}
for i, index in ipairs(KEYS) do
  if #ended == most then break end
  for _, sid in ipairs(redis.call('ZRANGE', index, 0, most - #ended - 1)) do
    -- One that is on another server while the slot moves is left alone.
    local found = redis.pcall('EXISTS', ARGV[i + 2] .. 's:' .. sid)
    if type(found) == 'number' then ended[#ended + 1], places[#places + 1] = sid, i end
  end
end
publish(bus, 'ended', ended)
for i, sid in ipairs(ended) do
  redis.call('DEL', ARGV[places[i] + 2] .. 's:' .. sid)
  redis.call('ZREM', KEYS[places[i]], sid)
end
return #ended
