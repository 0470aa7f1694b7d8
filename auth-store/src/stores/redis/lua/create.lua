local record, index = KEYS[1], KEYS[2]
local bytes, sid, most, refuse, base, bus = unpack(ARGV)
most = tonumber(most)

if redis.call('EXISTS', record) == 1 then return {TAKEN} end

local now, ended, stale, living = number(bytes, 21), {}, {}, {}
if index then
  -- Without a limit, only the oldest are looked at, so that the index does not grow for ever.
  for _, listed in ipairs(redis.call('ZRANGE', index, 0, most > 0 and -1 or 7)) do
    local found = redis.call('GETRANGE', base .. 's:' .. listed, 0, 47)
    if found == '' then
      stale[#stale + 1] = listed
    elseif ending(known(found)) <= now then
      ended[#ended + 1] = listed
    else
      living[#living + 1] = listed
    end
  end
end

local evicted = most > 0 and math.max(0, #living + 1 - most) or 0
if evicted > 0 and refuse == '1' then return {FULL} end

redis.call('SET', record, bytes)
collect(record, ending(bytes))
if index then
  local ttl = redis.call('PTTL', index)
  redis.call('ZADD', index, decimal(now), sid)
  prolong(index, ttl, number(bytes, 41))
  for i = 1, evicted do ended[#ended + 1] = living[i] end
  for _, listed in ipairs(ended) do
    redis.call('DEL', base .. 's:' .. listed)
    redis.call('ZREM', index, listed)
  end
  for _, listed in ipairs(stale) do redis.call('ZREM', index, listed) end
  publish(bus, 'ended', ended)
end
return {DONE, evicted}
