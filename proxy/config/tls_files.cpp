#include "config/tls_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "config/server_passwords.hpp"

namespace config {
namespace {

using Severity = Diagnostic::Severity;

unsigned line_of(const Loaded& loaded, const std::string& key) {
    const auto found = loaded.lines.find("tls." + key);
    return found == loaded.lines.end() ? 0 : found->second;
}

void report(Loaded& loaded, Severity severity, const std::string& key, const std::string& text) {
    loaded.diagnostics.push_back({severity, line_of(loaded, key), fmt::format("[tls] {}: {}", key, text)});
}

std::string read_pem(Loaded& loaded, const std::string& key, const std::string& path) {
    auto text = read_file(path);
    if (text)
        return std::move(*text);
    report(loaded, Severity::kError, key, text.error().message);
    return {};
}

void check_key_mode(Loaded& loaded, const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0)
        report(loaded, Severity::kWarning, "key", path + " is readable by everybody: chmod 600");
}

// Which of the files an error of the server's context is about, by its words.
std::string culprit(const std::string& text) {
    return text.starts_with("the key")                 ? "key"
           : text.find("CA file") != std::string::npos ? "client_ca_file"
                                                       : "certificate";
}

TlsFiles read_files(Loaded& loaded) {
    TlsFiles files;
    const auto tls = loaded.settings->tls;
    if (tls.upstream != UpstreamTls::kNo) {
        files.certificate = read_pem(loaded, "certificate", tls.certificate);
        files.key = read_pem(loaded, "key", tls.key);
        check_key_mode(loaded, tls.key);
        if (tls.client_certificates != net::tls::ClientCertificates::kNo)
            files.client_ca = read_pem(loaded, "client_ca_file", tls.client_ca_file);
    }
    if (any_route_is(*loaded.settings, DownstreamTls::kVerified) && !tls.downstream_ca_file.empty())
        files.downstream_ca = read_pem(loaded, "downstream_ca_file", tls.downstream_ca_file);
    return files;
}

}  // namespace

std::string TlsFiles::pack() const {
    std::string packed;
    for (const auto* text : {&certificate, &key, &client_ca, &downstream_ca, &server_passwords})
        packed += fmt::format("{}\n{}", text->size(), *text);
    return packed;
}

base::Result<TlsFiles> TlsFiles::unpack(std::string_view packed) {
    TlsFiles files;
    for (auto* text :
         {&files.certificate, &files.key, &files.client_ca, &files.downstream_ca, &files.server_passwords}) {
        std::size_t size = 0;
        const auto line = packed.substr(0, packed.find('\n'));
        const auto [end, failure] = std::from_chars(line.data(), line.data() + line.size(), size);
        if (failure != std::errc{} || end != line.data() + line.size() || line.size() == packed.size() ||
            size > packed.size() - line.size() - 1)
            return base::error("the TLS files came damaged");
        *text = packed.substr(line.size() + 1, size);
        packed.remove_prefix(line.size() + 1 + size);
    }
    if (!packed.empty())
        return base::error("the TLS files came damaged");
    return files;
}

base::Result<TlsContexts> make_tls_contexts(const Settings& settings, const TlsFiles& files, std::string* key) {
    const auto& tls = settings.tls;
    TlsContexts contexts;
    contexts.server_passwords = files.server_passwords;
    if (tls.upstream != UpstreamTls::kNo) {
        auto made = net::tls::Context::server(
            {files.certificate, files.key, tls.minimum_version, tls.client_certificates, files.client_ca});
        if (!made) {
            if (key != nullptr)
                *key = culprit(made.error().message);
            return made.error();
        }
        contexts.upstream = std::move(*made);
    }
    if (any_route_is(settings, DownstreamTls::kOpportunistic) || any_route_is(settings, DownstreamTls::kRequired)) {
        auto made = net::tls::Context::client({});
        if (!made)
            return made.error();
        contexts.downstream = std::move(*made);
    }
    if (any_route_is(settings, DownstreamTls::kVerified)) {
        auto made = net::tls::Context::client({files.downstream_ca, fingerprint_digits(tls.downstream_fingerprint)});
        // Whoever asked for proof shall never get a context that asks for none.
        const bool lacks_proof =
            tls.downstream_ca_file.empty() ? tls.downstream_fingerprint.empty() : files.downstream_ca.empty();
        if (made && lacks_proof)
            made = base::error("the CA file: holds no certificate in PEM form");
        if (!made) {
            if (key != nullptr)
                *key = "downstream_ca_file";
            return made.error();
        }
        contexts.downstream_verified = std::move(*made);
    }
    return contexts;
}

TlsFiles read_tls_files(Loaded& loaded) {
    const auto before = loaded.diagnostics.size();
    auto files = read_files(loaded);
    const bool unreadable =
        std::any_of(loaded.diagnostics.begin() + static_cast<std::ptrdiff_t>(before), loaded.diagnostics.end(),
                    [](const auto& found) { return found.severity == Severity::kError; });
    if (!unreadable) {
        std::string key;
        const auto contexts = make_tls_contexts(*loaded.settings, files, &key);
        if (!contexts)
            report(loaded, Severity::kError, key, contexts.error().message);
        else if (contexts->upstream && !contexts->upstream->certificate_warning().empty())
            report(loaded, Severity::kWarning, "certificate", contexts->upstream->certificate_warning());
    }
    files.server_passwords = read_server_passwords(loaded);
    std::ranges::stable_sort(loaded.diagnostics, {}, &Diagnostic::line);
    return files;
}

}  // namespace config
