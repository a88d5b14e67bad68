#include "config/bind_passwords.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "config/spelling.hpp"

namespace config {
namespace {

constexpr std::size_t kMaxPassword = 4096;  // octets

void check_mode(Loaded& loaded, const LdapDirectory& directory) {
    struct stat status {};
    if (::stat(directory.bind_password_file.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0)
        loaded.diagnostics.push_back(
            {Diagnostic::Severity::kWarning, 0,
             fmt::format("[ldap {}] bind_password_file: {} is readable by everybody: chmod 600", directory.name,
                         directory.bind_password_file)});
}

// Takes what stands before the next NUL.
std::string_view take(std::string_view& packed) {
    const auto end = std::min(packed.find('\0'), packed.size());
    const auto text = packed.substr(0, end);
    packed.remove_prefix(std::min(end + 1, packed.size()));
    return text;
}

}  // namespace

base::Result<std::string> read_bind_password(const LdapDirectory& settings) {
    std::string password;
    auto where = settings.bind_password_file;
    if (!where.empty()) {
        auto text = read_file(where, kMaxPassword);
        if (!text)
            return text.error();
        password = text->substr(0, text->find('\n'));
        if (password.ends_with('\r'))
            password.pop_back();
    } else if (!settings.bind_password_variable.empty()) {
        where = "the environment variable " + settings.bind_password_variable;
        const char* const value = std::getenv(settings.bind_password_variable.c_str());
        password = value == nullptr ? "" : value;
    } else {
        return std::string();
    }
    if (password.empty() || password.find('\0') != std::string::npos)
        return base::error("{}: there is no password in it", where);
    return password;
}

std::string read_bind_passwords(Loaded& loaded) {
    std::string packed;
    for (const auto& directory : loaded.settings->ldap_directories) {
        const auto password = read_bind_password(directory);
        if (!password)
            loaded.diagnostics.push_back({Diagnostic::Severity::kError, 0,
                                          fmt::format("[ldap {}]: {}", directory.name, password.error().message)});
        else if (!password->empty())
            packed.append(directory.name).append(1, '\0').append(*password).append(1, '\0');
        if (!directory.bind_password_file.empty())
            check_mode(loaded, directory);
    }
    return packed;
}

std::string bind_password_in(std::string_view packed, std::string_view name) {
    while (!packed.empty()) {
        const auto directory = take(packed);
        const auto password = take(packed);
        if (same(directory, name))
            return std::string(password);
    }
    return {};
}

}  // namespace config
