-- What Argo CD makes of a NocoBaseCluster.
local health = { status = "Progressing", message = "The operator has not seen this version yet" }
local status = obj.status
if status == nil or status.observedGeneration ~= obj.metadata.generation then
  return health
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local function is_true(type)
  return conditions[type] ~= nil and conditions[type].status == "True"
end
local function say(word, type)
  health.status = word
  health.message = conditions[type] ~= nil and conditions[type].message or ""
  return health
end

if is_true("Stalled") then
  return say("Degraded", "Stalled")
end
if obj.spec.paused == true then
  health.status = "Suspended"
  health.message = "The operator looks and does not touch (spec.paused)"
  return health
end
if is_true("Reconciling") then
  -- Nothing goes on until a person does something.
  local waits = conditions.Reconciling.reason == "AwaitingApproval"
  return say(waits and "Suspended" or "Progressing", "Reconciling")
end
return say(is_true("Ready") and "Healthy" or "Progressing", "Ready")
