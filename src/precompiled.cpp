#include "precompiled.h"  // a precompiled header belongs to a library, and a library has a file
