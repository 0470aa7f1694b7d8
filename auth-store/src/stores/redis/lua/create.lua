local record, index = KEYS[1], KEYS[2]
local bytes, sid, most, refuse, base, bus = unpack(ARGV)
most = tonumber(most)

if redis.call('EXISTS', record) == 1 then return {TAKEN} end

local now, ended, stale, evicted = number(bytes, 21), {}, {}, 0
if is_anonymous(bytes) then
  if most == 0 then return {FULL} end
  -- By when they end. If there are many too many, each new one takes some of them away.
  local listed = redis.call('ZRANGE', index, 0, 31, 'WITHSCORES')
  local surplus = redis.call('ZCARD', index) + 1 - most
  for i = 1, #listed, 2 do
    if tonumber(listed[i + 1]) > now and #ended >= surplus then break end
    ended[#ended + 1] = listed[i]
  end
else
  local living = {}
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
  evicted = most > 0 and math.max(0, #living + 1 - most) or 0
  if evicted > 0 and refuse == '1' then return {FULL} end
  for i = 1, evicted do ended[#ended + 1] = living[i] end
end

publish(bus, 'ended', ended)
-- First what needs memory: a full server refuses a script's first write, and none after that.
redis.call('SET', record, bytes)
collect(record, ending(bytes))
local ttl = redis.call('PTTL', index)
redis.call('ZADD', index, is_anonymous(bytes) and score(ending(bytes)) or decimal(now), sid)
prolong(index, ttl, number(bytes, 41))
for _, listed in ipairs(ended) do
  redis.call('DEL', base .. 's:' .. listed)
  redis.call('ZREM', index, listed)
end
for _, listed in ipairs(stale) do redis.call('ZREM', index, listed) end
return {DONE, evicted}
