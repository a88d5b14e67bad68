#include "directory/ldap_connection.hpp"

#include <fcntl.h>
#include <ldap.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "base/unique_fd.hpp"

namespace directory {
namespace {

using Time = LdapConnection::Time;

// ---- memory: requests hold passwords, so what libldap gives back is wiped before

void wipe_and_free(void* memory, void*) {
    if (memory != nullptr)
        ::explicit_bzero(memory, ::malloc_usable_size(memory));
    std::free(memory);
}

void* allocate(ber_len_t size, void*) {
    return std::malloc(size);
}

void* allocate_zeroed(ber_len_t count, ber_len_t size, void*) {
    return std::calloc(count, size);
}

void* allocate_anew(void* memory, ber_len_t size, void* context) {
    void* const fresh = std::malloc(size);
    if (fresh == nullptr || memory == nullptr)
        return fresh;
    ::memcpy(fresh, memory, std::min<std::size_t>(size, ::malloc_usable_size(memory)));
    wipe_and_free(memory, context);
    return fresh;
}

// Before the first use of the library, and by one thread.
void prepare_library() {
    static std::once_flag done;
    std::call_once(done, [] {
        BerMemoryFunctions functions{allocate, allocate_zeroed, allocate_anew, wipe_and_free};
        ber_set_option(nullptr, LBER_OPT_MEMORY_FNS, &functions);
        int version = LDAP_VERSION3;
        ldap_set_option(nullptr, LDAP_OPT_PROTOCOL_VERSION, &version);
    });
}

// ---- time

std::chrono::microseconds left_until(Time deadline) {
    return std::max(std::chrono::duration_cast<std::chrono::microseconds>(deadline - base::Monotonic::now()),
                    std::chrono::microseconds(0));
}

timeval as_timeval(std::chrono::microseconds time) {
    timeval value{};
    value.tv_sec = static_cast<time_t>(time.count() / 1'000'000);
    value.tv_usec = static_cast<suseconds_t>(time.count() % 1'000'000);
    return value;
}

// What a certificate is checked against comes from our settings alone, whatever ldap.conf(5) says.
int set_tls_options(LDAP* handle, const config::ServerTls& tls) {
    int demand = tls.verify ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER;
    int least = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
    int for_client = 0;
    int code = ldap_set_option(handle, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    if (code == LDAP_OPT_SUCCESS && tls.verify)
        code = ldap_set_option(handle, LDAP_OPT_X_TLS_CACERTFILE, tls.ca_file.c_str());
    if (code == LDAP_OPT_SUCCESS)
        code = ldap_set_option(handle, LDAP_OPT_X_TLS_PROTOCOL_MIN, &least);
    return code == LDAP_OPT_SUCCESS ? ldap_set_option(handle, LDAP_OPT_X_TLS_NEWCTX, &for_client) : code;
}

// In a TLS handshake libldap 2.5 reads from a socket that does not wait, and does not wait either, but reads again
// without a pause: so reading waits here until there is something to read, or the socket is shut down.
ber_slen_t read_patiently(Sockbuf_IO_Desc* layer, void* octets, ber_len_t size) {
    for (;;) {
        const auto got = LBER_SBIOD_READ_NEXT(layer, octets, size);
        if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
            return got;
        ber_socket_t socket = -1;
        ber_sockbuf_ctrl(layer->sbiod_sb, LBER_SB_OPT_GET_FD, &socket);
        pollfd ready{socket, POLLIN, 0};
        if (::poll(&ready, 1, -1) < 0 && errno != EINTR)
            return -1;
    }
}

ber_slen_t write_through(Sockbuf_IO_Desc* layer, void* octets, ber_len_t size) {
    return LBER_SBIOD_WRITE_NEXT(layer, octets, size);
}

int control_through(Sockbuf_IO_Desc* layer, int option, void* argument) {
    return LBER_SBIOD_CTRL_NEXT(layer, option, argument);
}

Sockbuf_IO kPatientReads{nullptr, nullptr, control_through, read_patiently, write_through, nullptr};

// The answers after which the same connection can be asked on: what the server itself says is not negative.
bool is_of_connection(int code) {
    return code < 0 || code == LDAP_UNAVAILABLE;
}

}  // namespace

// libldap keeps to its time limits between messages only: it waits without end for a TLS handshake, or for the rest of
// a message. So its sockets are known here, to be shut down at the deadline, after which it reads an end of file.
struct LdapConnection::Sockets {
    std::mutex mutex;
    std::vector<base::UniqueFd> copies;  // libldap may close its own at any time
    bool shut = false;
    ldap_conncb callbacks{on_connected, on_disconnected, this};

    void shut_down() {
        const std::lock_guard lock(mutex);
        shut = true;
        for (const auto& socket : copies)
            ::shutdown(socket.get(), SHUT_RDWR);
    }

    static int on_connected(LDAP*, Sockbuf* buffer, LDAPURLDesc*, sockaddr*, ldap_conncb* context) {
        auto* const self = static_cast<Sockets*>(context->lc_arg);
        ber_socket_t socket = -1;
        ber_sockbuf_ctrl(buffer, LBER_SB_OPT_GET_FD, &socket);
        // Between the socket and what may be TLS above it.
        ber_sockbuf_add_io(buffer, &kPatientReads, LBER_SBIOD_LEVEL_PROVIDER + 1, nullptr);
        const std::lock_guard lock(self->mutex);
        self->copies.emplace_back(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
        return self->shut ? -1 : 0;
    }
    static void on_disconnected(LDAP*, Sockbuf*, ldap_conncb*) {}
};

struct LdapConnection::Messages {
    Messages() = default;
    ~Messages() { ldap_msgfree(chain); }
    Messages(const Messages&) = delete;
    Messages& operator=(const Messages&) = delete;
    LDAPMessage* chain = nullptr;
    std::string cookie;  // of the next page
};

base::Result<std::unique_ptr<LdapConnection>> LdapConnection::open(const LdapSource& source,
                                                                   const config::HostPort& server, Time deadline) {
    prepare_library();
    std::unique_ptr<LdapConnection> made(new LdapConnection(source));
    if (auto status = made->connect(server, deadline); !status)
        return status.error();
    return made;
}

LdapConnection::LdapConnection(const LdapSource& source) : source_(source), sockets_(std::make_unique<Sockets>()) {}

LdapConnection::~LdapConnection() {
    if (broken_)
        sockets_->shut_down();  // the good-bye shall wait for nobody
    if (handle_ != nullptr)
        ldap_unbind_ext(handle_, nullptr, nullptr);
}

// Until the next TCP connection is there; that of a referral comes in the middle of a search.
void LdapConnection::limit_connecting(Time deadline) {
    auto patience = as_timeval(left_until(deadline));
    ldap_set_option(handle_, LDAP_OPT_NETWORK_TIMEOUT, &patience);
}

std::unique_ptr<Watchdog::Guard> LdapConnection::watch(Time deadline) {
    return std::make_unique<Watchdog::Guard>(source_.watchdog, deadline, [this] { sockets_->shut_down(); });
}

base::Status LdapConnection::connect(const config::HostPort& server, Time deadline) {
    const auto& tls = source_.settings.tls;
    auto place = server;
    if (place.port == 0)
        place.port = tls.mode == config::Encryption::kTls ? LDAPS_PORT : LDAP_PORT;
    const auto url = fmt::format("{}://{}", tls.mode == config::Encryption::kTls ? "ldaps" : "ldap", place.to_string());
    if (const int code = ldap_initialize(&handle_, url.c_str()); code != LDAP_SUCCESS)
        return base::error("{}: {}", url, ldap_err2string(code));
    int version = LDAP_VERSION3;
    int never = LDAP_DEREF_NEVER;
    ber_len_t most = kMaxAnswer;
    Sockbuf* buffer = nullptr;
    ldap_set_option(handle_, LDAP_OPT_PROTOCOL_VERSION, &version);
    ldap_set_option(handle_, LDAP_OPT_DEREF, &never);
    ldap_set_option(handle_, LDAP_OPT_REFERRALS, source_.settings.referrals ? LDAP_OPT_ON : LDAP_OPT_OFF);
    limit_connecting(deadline);
    if (ldap_get_option(handle_, LDAP_OPT_SOCKBUF, &buffer) == LDAP_OPT_SUCCESS && buffer != nullptr)
        ber_sockbuf_ctrl(buffer, LBER_SB_OPT_SET_MAX_INCOMING, &most);
    if (source_.settings.referrals)
        ldap_set_rebind_proc(handle_, on_referral, this);
    ldap_set_option(handle_, LDAP_OPT_CONNECT_CB, &sockets_->callbacks);
    if (tls.mode != config::Encryption::kOff && set_tls_options(handle_, tls) != LDAP_OPT_SUCCESS)
        return base::error("{}: TLS cannot be set up; is tls_ca_file ({}) what it should be?", url, tls.ca_file);
    const auto guard = watch(deadline);
    if (const int code = ldap_connect(handle_); code != LDAP_SUCCESS)
        return base::error("{}: {}", url, explain(code));
    if (auto status = tls.mode == config::Encryption::kStartTls ? start_tls(deadline) : base::ok(); !status)
        return base::error("{}: STARTTLS: {}", url, status.error().message);
    return base::ok();
}

base::Status LdapConnection::start_tls(Time deadline) {
    int id = 0;
    if (const int code = ldap_start_tls(handle_, nullptr, nullptr, &id); code != LDAP_SUCCESS)
        return base::error("{}", explain(code));
    Messages messages;
    const auto code = await(id, messages, deadline);
    if (!code)
        return code.error();
    if (*code != LDAP_SUCCESS)
        return base::error("{}", explain(*code));
    if (const int installed = ldap_install_tls(handle_); installed != LDAP_SUCCESS)
        return base::error("{}", explain(installed));
    return base::ok();
}

// The server's answer to a request, and what came before it. Error: there is none; the connection is then broken.
base::Result<int> LdapConnection::await(int id, Messages& messages, Time deadline) {
    auto patience = as_timeval(left_until(deadline));
    const int kind = ldap_result(handle_, id, LDAP_MSG_ALL, &patience, &messages.chain);
    int code = LDAP_SUCCESS;
    if (kind == 0) {
        broken_ = true;
        ldap_abandon_ext(handle_, id, nullptr, nullptr);
        return base::error("no answer in time");
    }
    if (kind < 0) {
        broken_ = true;
        ldap_get_option(handle_, LDAP_OPT_RESULT_CODE, &code);
        return base::error("{}", explain(code));
    }
    LDAPControl** controls = nullptr;
    const int parsed = ldap_parse_result(handle_, messages.chain, &code, nullptr, nullptr, nullptr, &controls, 0);
    if (parsed != LDAP_SUCCESS) {
        broken_ = true;
        return base::error("an answer that makes no sense: {}", explain(parsed));
    }
    broken_ = is_of_connection(code);
    if (LDAPControl* const page = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, nullptr)) {
        berval cookie{};
        ber_int_t estimate = 0;
        if (ldap_parse_pageresponse_control(handle_, page, &estimate, &cookie) == LDAP_SUCCESS) {
            messages.cookie.assign(cookie.bv_val, cookie.bv_len);
            ber_memfree(cookie.bv_val);
        }
    }
    ldap_controls_free(controls);
    return code;
}

LdapConnection::BindAnswer LdapConnection::bind(const std::string& dn, std::string_view password, Time deadline) {
    const auto guard = watch(deadline);
    std::string copy(password);  // libldap wants it writable
    berval credentials{copy.size(), copy.data()};
    int id = 0;
    int code = ldap_sasl_bind(handle_, dn.c_str(), LDAP_SASL_SIMPLE, &credentials, nullptr, nullptr, &id);
    wipe(copy);
    if (code != LDAP_SUCCESS) {
        broken_ = true;
        return {Bound::kCannotTell, explain(code)};
    }
    Messages messages;
    const auto answer = await(id, messages, deadline);
    if (!answer)
        return {Bound::kCannotTell, answer.error().message};
    if (*answer == LDAP_SUCCESS)
        return {Bound::kYes, {}};
    // Whoever has no password at all in the directory can have no right one.
    const bool refused = *answer == LDAP_INVALID_CREDENTIALS || *answer == LDAP_INAPPROPRIATE_AUTH;
    return {refused ? Bound::kNo : Bound::kCannotTell, explain(*answer)};
}

// `control` (LDAPControl, or null) goes with it.
int LdapConnection::request(const std::string& filter, const std::vector<std::string>& attributes, int size_limit,
                            void* control, int* id) {
    std::vector<char*> names;
    for (const auto& attribute : attributes)
        names.push_back(const_cast<char*>(attribute.c_str()));
    names.push_back(nullptr);
    LDAPControl* controls[] = {static_cast<LDAPControl*>(control), nullptr};
    const auto& settings = source_.settings;
    return ldap_search_ext(handle_, settings.base_dn.c_str(),
                           settings.scope == config::LdapScope::kSub ? LDAP_SCOPE_SUBTREE : LDAP_SCOPE_ONELEVEL,
                           filter.c_str(), names.data(), 0, control == nullptr ? nullptr : controls, nullptr, nullptr,
                           size_limit, id);
}

LdapConnection::SearchAnswer LdapConnection::search(const std::string& filter,
                                                    const std::vector<std::string>& attributes, Time deadline) {
    const auto guard = watch(deadline);
    limit_connecting(deadline);
    SearchAnswer found;
    int id = 0;
    if (const int code = request(filter, attributes, int{kMaxMatches}, nullptr, &id); code != LDAP_SUCCESS) {
        broken_ = is_of_connection(code);
        found.text = explain(code);
        return found;
    }
    Messages messages;
    const auto code = await(id, messages, deadline);
    // That the base does not exist, or may not be read, says nothing about an address.
    if (!code || (*code != LDAP_SUCCESS && *code != LDAP_SIZELIMIT_EXCEEDED)) {
        found.text = code ? explain(*code) : code.error().message;
        return found;
    }
    found.found = *code == LDAP_SUCCESS ? Found::kAll : Found::kTooMany;
    for (auto* entry = ldap_first_entry(handle_, messages.chain);
         entry != nullptr && found.entries.size() < kMaxMatches; entry = ldap_next_entry(handle_, entry))
        found.entries.push_back(read_entry(entry, attributes));
    return found;
}

base::Status LdapConnection::walk(const std::string& filter, const std::vector<std::string>& attributes,
                                  const std::function<bool(LdapEntry&&)>& use, Time deadline) {
    const auto guard = watch(deadline);
    limit_connecting(deadline);
    std::string cookie;
    do {
        LDAPControl* control = nullptr;
        berval place{cookie.size(), cookie.data()};
        if (const int code = ldap_create_page_control(handle_, static_cast<ber_int_t>(source_.settings.page_size),
                                                      &place, 1, &control);
            code != LDAP_SUCCESS)
            return base::error("{}", explain(code));
        int id = 0;
        const int asked = request(filter, attributes, 0, control, &id);
        ldap_control_free(control);
        if (asked != LDAP_SUCCESS)
            return base::error("{}", explain(asked));
        Messages messages;
        const auto code = await(id, messages, deadline);
        if (!code)
            return code.error();
        if (*code != LDAP_SUCCESS)
            return base::error("{}", explain(*code));
        for (auto* entry = ldap_first_entry(handle_, messages.chain); entry != nullptr;
             entry = ldap_next_entry(handle_, entry))
            if (!use(read_entry(entry, attributes)))
                return base::ok();
        cookie = messages.cookie;
    } while (!cookie.empty());
    return base::ok();
}

LdapEntry LdapConnection::read_entry(void* message, const std::vector<std::string>& attributes) {
    auto* const entry = static_cast<LDAPMessage*>(message);
    LdapEntry read;
    if (char* const dn = ldap_get_dn(handle_, entry)) {
        read.dn = dn;
        ldap_memfree(dn);
    }
    for (const auto& attribute : attributes) {
        berval** const values = ldap_get_values_len(handle_, entry, attribute.c_str());
        if (values == nullptr)
            continue;
        auto& kept = read.values[attribute];
        for (berval** value = values; *value != nullptr; ++value)
            kept.emplace_back((*value)->bv_val, (*value)->bv_len);
        ldap_value_free_len(values);
    }
    return read;
}

// What the library calls a code, and what the server said beside it.
std::string LdapConnection::explain(int code) {
    std::string text = ldap_err2string(code);
    char* said = nullptr;
    if (ldap_get_option(handle_, LDAP_OPT_DIAGNOSTIC_MESSAGE, &said) == LDAP_OPT_SUCCESS && said != nullptr) {
        constexpr std::size_t kMost = 300;
        if (*said != '\0')
            text += fmt::format(" ({})", std::string_view(said).substr(0, kMost));
        ldap_memfree(said);
    }
    return text;
}

// A referral is followed as the same user, but never with less protection than the connection it came from.
int LdapConnection::on_referral(ldap* handle, const char* url, unsigned long, int, void* self) {
    const auto& source = static_cast<LdapConnection*>(self)->source_;
    if (source.settings.tls.mode != config::Encryption::kOff && !std::string_view(url).starts_with("ldaps:"))
        return LDAP_CONFIDENTIALITY_REQUIRED;
    if (source.settings.bind_dn.empty())
        return LDAP_SUCCESS;
    std::string copy(source.password.view());
    berval credentials{copy.size(), copy.data()};
    const int code = ldap_sasl_bind_s(handle, source.settings.bind_dn.c_str(), LDAP_SASL_SIMPLE, &credentials, nullptr,
                                      nullptr, nullptr);
    wipe(copy);
    return code;
}

}  // namespace directory
