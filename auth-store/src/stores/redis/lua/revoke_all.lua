-- The end of all sign-ins of this subject, but one if one is named.
local index = KEYS[1]
local keep, base, bus = unpack(ARGV)

local listed, ended = redis.call('ZRANGE', index, 0, -1), {}
for _, sid in ipairs(listed) do
  if sid ~= keep and is_there(index, base .. 's:' .. sid) then
    ended[#ended + 1] = sid
  end
end
publish(bus, 'ended', ended)
for _, sid in ipairs(ended) do redis.call('DEL', base .. 's:' .. sid) end
for _, sid in ipairs(listed) do
  if sid ~= keep then redis.call('ZREM', index, sid) end
end
return {DONE, #ended}
