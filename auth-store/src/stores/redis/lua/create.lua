-- Stores a new sign-in, and enforces the limit of its subject for its kind, or the quota of its bucket.
local record, index = KEYS[1], KEYS[2]
local bytes, sid, max, refuse, base, channel, lasts = unpack(ARGV)
max = tonumber(max)

if redis.call('EXISTS', record) == 1 then return {TAKEN} end

local now, ended, stale, evicted = number(bytes, 21), {}, {}, 0
if is_anonymous(bytes) then
  if max == 0 then return {FULL} end
  -- In the order of their ends. If the quota was lowered, each new one evicts some of the surplus.
  local listed = redis.call('ZRANGE', index, 0, 31, 'WITHSCORES')
  local surplus = redis.call('ZCARD', index) + 1 - max
  for i = 1, #listed, 2 do
    if tonumber(listed[i + 1]) > now and #ended >= surplus then break end
    ended[#ended + 1] = listed[i]
  end
else
  local alive, first, last, name = {}, 0, -1, kind_name(bytes)
  if max == 0 then
    -- Without a limit, a part is checked, another one each time, so that the index does not grow without bound.
    first = math.max(0, now % math.max(1, redis.call('ZCARD', index)) - 32)
    last = first + 63
  end
  for _, listed in ipairs(redis.call('ZRANGE', index, first, last)) do
    local found = redis.call('GETRANGE', base .. 's:' .. listed, 0, HEAD - 1)
    if found == '' then
      stale[#stale + 1] = listed
    elseif not is_readable(found) then
      -- It does not count, because its end and its kind are unknown.
    elseif end_of(found) <= now then
      ended[#ended + 1] = listed
    elseif has_kind(base .. 's:' .. listed, found, name) then
      alive[#alive + 1] = listed
    end
  end
  evicted = max > 0 and math.max(0, #alive + 1 - max) or 0
  if evicted > 0 and refuse == '1' then return {FULL} end
  for i = 1, evicted do ended[#ended + 1] = alive[i] end
end

publish(channel, 'ended', ended)
-- The writes that need memory come first: a full server refuses only the first write of a script.
redis.call('SET', record, bytes)
if lasts == '' then
  collect(record, end_of(bytes))
else
  redis.call('PEXPIRE', record, lasts)
end
local ttl = redis.call('PTTL', index)
redis.call('ZADD', index, is_anonymous(bytes) and score(end_of(bytes)) or decimal(now), sid)
prolong(index, ttl, number(bytes, 41))
for _, listed in ipairs(ended) do
  redis.call('DEL', base .. 's:' .. listed)
  redis.call('ZREM', index, listed)
end
forget(index, stale)
return {DONE, evicted}
