// What follows "setting =" in a rule: which settings of its recipients it is about. Pure.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "policy/user_setting.hpp"

namespace config {

// "class gold silver", "not spam off". Error: what is wrong with it, with a hint at what was probably meant.
base::Result<policy::SettingQuestion> parse_setting_question(std::string_view text);

}  // namespace config
