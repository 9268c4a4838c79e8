// A garbage collector, a volume binder and a Deployment controller whose pods are made, ready and gone at once.
#pragma once
#include "simulation/server.h"

namespace nocobase_operator::runtime {

// One step of them. Whether anything changed.
bool step_controllers(simulation::Server& server);

}  // namespace nocobase_operator::runtime
