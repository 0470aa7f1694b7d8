-- Replaces the principal of all sign-ins of this subject, or of those with the principal `from`. An encoded
-- principal is never empty, so '' stands for any.
local index = KEYS[1]
local principal, from, base, channel = unpack(ARGV)

local sids, updated, missing = {}, {}, {}
for _, sid in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local record = base .. 's:' .. sid
  if both_exist(index, record) then
    local bytes = redis.call('GET', record)
    local parts = split(checked(bytes))
    if from == '' or from == parts.principal then
      parts.principal = principal
      local head = string.sub(bytes, 1, 12) .. next_version(bytes) .. string.sub(bytes, 21, 96)
      sids[#sids + 1], updated[#updated + 1] = sid, join(head, parts)
    end
  else
    missing[#missing + 1] = sid
  end
end
publish(channel, 'changed', sids)
for i, sid in ipairs(sids) do redis.call('SET', base .. 's:' .. sid, updated[i], 'KEEPTTL') end
forget(index, missing)
return {DONE, #sids}
