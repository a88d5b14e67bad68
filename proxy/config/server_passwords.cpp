#include "config/server_passwords.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "config/spelling.hpp"

namespace config {
namespace {

constexpr std::size_t kMaxPassword = 4096;  // octets

// `key` names the file in [section].
void check_mode(Loaded& loaded, std::string_view section, std::string_view key, const std::string& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0)
        loaded.diagnostics.push_back(
            {Diagnostic::Severity::kWarning, 0,
             fmt::format("[{}] {}: {} is readable by everybody: chmod 600", section, key, file)});
}

// Takes what stands before the next NUL.
std::string_view take(std::string_view& packed) {
    const auto end = std::min(packed.find('\0'), packed.size());
    const auto text = packed.substr(0, end);
    packed.remove_prefix(std::min(end + 1, packed.size()));
    return text;
}

void pack_password(Loaded& loaded, const std::string& section, std::string_view key, const PasswordPlace& place,
                   std::string& packed) {
    const auto password = read_password(place);
    if (!password)
        loaded.diagnostics.push_back(
            {Diagnostic::Severity::kError, 0, fmt::format("[{}]: {}", section, password.error().message)});
    else if (!password->empty())
        packed.append(section).append(1, '\0').append(*password).append(1, '\0');
    if (!place.file.empty())
        check_mode(loaded, section, key, place.file);
}

}  // namespace

base::Result<std::string> read_password(const PasswordPlace& place) {
    constexpr std::string_view kEndsLines("\0\r\n", 3);
    std::string password;
    auto where = place.file;
    if (!where.empty()) {
        auto text = read_file(where, kMaxPassword);
        if (!text)
            return text.error();
        password = text->substr(0, text->find('\n'));
        if (password.ends_with('\r'))
            password.pop_back();
    } else if (!place.variable.empty()) {
        where = "the environment variable " + place.variable;
        const char* const value = std::getenv(place.variable.c_str());
        password = value == nullptr ? "" : value;
    } else {
        return std::string();
    }
    if (password.empty() || password.find_first_of(kEndsLines) != std::string::npos)
        return base::error("{}: there is no password in it", where);
    return password;
}

std::string read_server_passwords(Loaded& loaded) {
    std::string packed;
    for (const auto& directory : loaded.settings->ldap_directories)
        pack_password(loaded, "ldap " + directory.name, "bind_password_file", directory.bind_password, packed);
    for (const auto& login : loaded.settings->login_servers)
        pack_password(loaded, "login " + login.name, "control_password_file", login.control_password, packed);
    return packed;
}

std::string server_password_in(std::string_view packed, std::string_view section) {
    while (!packed.empty()) {
        const auto owner = take(packed);
        const auto password = take(packed);
        if (same(owner, section))
            return std::string(password);
    }
    return {};
}

}  // namespace config
