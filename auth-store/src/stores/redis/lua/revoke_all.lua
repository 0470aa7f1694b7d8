-- Ends all sign-ins of this subject, except `keep` if it is not empty.
local index = KEYS[1]
local keep, base, channel = unpack(ARGV)

local listed, ended = redis.call('ZRANGE', index, 0, -1), {}
for _, sid in ipairs(listed) do
  if sid ~= keep and both_exist(index, base .. 's:' .. sid) then
    ended[#ended + 1] = sid
  end
end
publish(channel, 'ended', ended)
for _, sid in ipairs(ended) do redis.call('DEL', base .. 's:' .. sid) end
for _, sid in ipairs(listed) do
  if sid ~= keep then redis.call('ZREM', index, sid) end
end
return {DONE, #ended}
