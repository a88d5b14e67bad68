// What scanning a mail costs beside libclamav alone: the daemon's own zygote and worker, with everything between the
// sealed message and the answer, against bench_scan_alone, which has the same signatures, options and limits.
//
// Each mail goes to all in turns. CPU of the worker's process and of this one for the hand-over, against what libclamav
// took; medians over the repetitions, and the ratio, least to most. Temporary files lie on tmpfs in both. Fails when
// libclamav alone finds something in a mail and the daemon does not.
//
//   bench_scan [-d DATABASE] [-m MAILS] [-r REPETITIONS] [-c CORPUS] [-l LOAD] SANDWICHD...
//
// Root only. DATABASE: a directory of signatures; CORPUS: one with mails as files; LOAD: of the loads, those whose name
// has this in it; several SANDWICHD are compared with each other.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/channel.hpp"
#include "config/load.hpp"
#include "made_words.hpp"
#include "policy/scan_report.hpp"
#include "roles.hpp"
#include "scanners/worker/wire.hpp"

namespace {

namespace fs = std::filesystem;
namespace wire = scanners::wire;

[[noreturn]] void fail(const std::string& what) {
    fmt::print(stderr, "bench_scan: {}\n", what);
    std::exit(1);
}

double microseconds(clockid_t clock) {
    timespec now{};
    if (::clock_gettime(clock, &now) != 0)
        fail("a process is gone");
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// ---- Processes

base::UniqueFd in_memory(std::string_view octets) {
    base::UniqueFd fd(::memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd || ::write(fd.get(), octets.data(), octets.size()) != static_cast<ssize_t>(octets.size()) ||
        ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
        fail("no memory for a message");
    return fd;
}

// A child with `descriptors` as 3, 4 ...; they are none of these numbers here.
void start(const std::vector<std::string>& words, const std::vector<int>& descriptors) {
    if (::fork() != 0)
        return;
    std::vector<int> high;
    for (const int fd : descriptors)
        high.push_back(::fcntl(fd, F_DUPFD, 50));
    for (std::size_t i = 0; i < high.size(); ++i)
        ::dup2(high[i], static_cast<int>(3 + i));
    std::vector<char*> arguments;
    for (const auto& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

base::Packet receive(int channel) {
    base::Packet packet;
    if (base::receive_packet(channel, packet, true) != base::Received::kPacket)
        fail("a process ended");
    return packet;
}

struct Cost {
    double cpu = 0;    // microseconds
    std::string name;  // of a signature; empty: none
};

// Whoever scans.
class Contender {
  public:
    Contender() = default;
    Contender(const Contender&) = delete;
    Contender& operator=(const Contender&) = delete;
    virtual ~Contender() = default;
    virtual Cost scan(const std::string& mail) = 0;
};

class Alone final : public Contender {
  public:
    Alone(const std::string& program, const std::string& heap, const std::string& database,
          const std::string& directory, const config::Settings::Clamav& limits) {
        auto ends = base::make_channel();
        if (!ends)
            fail(ends.error().message);
        channel_ = std::move(ends->first);
        start({program, heap, database, directory, std::to_string(limits.max_file_size),
               std::to_string(limits.max_scan_size), std::to_string(limits.max_recursion),
               std::to_string(limits.max_files)},
              {ends->second.get()});
        ends->second.reset();
        receive(channel_.get());
    }

    Cost scan(const std::string& mail) override {
        const auto fd = in_memory(mail);
        if (!base::send_packet(channel_.get(), "M", {fd.get()}))
            fail("libclamav's process is gone");
        const auto answer = receive(channel_.get());
        std::uint64_t nanoseconds = 0;
        std::memcpy(&nanoseconds, answer.bytes.data(), sizeof nanoseconds);
        return {static_cast<double>(nanoseconds) / 1e3, answer.bytes.substr(sizeof nanoseconds)};
    }

  private:
    base::UniqueFd channel_;
};

// Plays supervisor and proxy to a zygote with one worker (proxy/roles.hpp, scanners/worker/wire.hpp).
class Ours final : public Contender {
  public:
    Ours(const std::string& program, const std::string& ini) {
        auto ends = base::make_channel();
        if (!ends)
            fail(ends.error().message);
        supervisor_ = std::move(ends->first);
        const auto configuration = in_memory(ini + std::string(2, '\0'));
        start({program, "--role=zygote", "-f"}, {configuration.get(), ends->second.get()});
        ends->second.reset();
        if (const auto words = receive(supervisor_.get()).bytes; !words.starts_with("R"))
            fail("the zygote did not start: " + words);
        auto control = base::make_channel();
        if (!control || !base::send_packet(supervisor_.get(), "S", {control->second.get()}))
            fail("the zygote is gone");
        control_ = std::move(control->first);
        control->second.reset();
        receive(control_.get());  // the greeting
        auto packet = receive(control_.get());
        const auto worker = wire::decode_worker(packet.bytes);
        if (!worker || packet.descriptors.size() != 1)
            fail("no worker came");
        worker_ = std::move(packet.descriptors[0]);
        receive(worker_.get());  // ready
        if (::clock_getcpuclockid(static_cast<pid_t>(worker->pid), &clock_) != 0)
            fail("no clock of the worker");
    }

    Cost scan(const std::string& mail) override {
        const auto before = microseconds(clock_) + microseconds(CLOCK_PROCESS_CPUTIME_ID);
        give(mail);
        const auto bytes = receive(worker_.get()).bytes;
        const auto answer = wire::decode_answer(bytes);
        const auto after = microseconds(clock_) + microseconds(CLOCK_PROCESS_CPUTIME_ID);
        if (!answer)
            fail("a malformed answer");
        Cost cost{after - before, {}};
        for (const auto& result : answer->results)
            if (result.scanner == "clamav" && result.outcome != policy::Outcome::kClean)
                cost.name = result.name.empty() ? "-" : result.name;
        return cost;
    }

  private:
    // As the pool does.
    void give(const std::string& mail) {
        ++serial_;
        base::Status sent = base::ok();
        if (mail.size() <= wire::kMaxText) {
            sent = base::send_packet(worker_.get(), wire::encode(wire::TextJob{serial_, mail}));
        } else {
            const auto fd = in_memory(mail);
            sent = base::send_packet(worker_.get(), wire::encode(wire::Job{serial_, mail.size()}), {fd.get()});
        }
        if (!sent)
            fail("the worker is gone");
    }

    base::UniqueFd supervisor_;
    base::UniqueFd control_;
    base::UniqueFd worker_;
    clockid_t clock_{};
    std::uint32_t serial_ = 0;
};

// ---- Mails

std::string base64(std::string_view octets) {
    static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at + 3 <= octets.size(); at += 3) {
        const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(octets[at + i]); };
        const unsigned three = octet(0) << 16U | octet(1) << 8U | octet(2);
        for (const unsigned shift : {18U, 12U, 6U, 0U})
            text += kDigits[three >> shift & 63U];
        if (at / 3 % 19 == 18)
            text += "\r\n";
    }
    return text + "\r\n";
}

constexpr std::string_view kHeader =
    "Received: from client.example (client.example [192.0.2.1])\r\n\tby mx.example (8.17.1/8.17.1) with ESMTP id "
    "4A1BcD2e001234\r\n"
    "\tfor <user@example.org>; Sat, 28 Nov 2026 10:00:00 GMT\r\n"
    "From: Some Body <some.body@example.com>\r\nTo: <user@example.org>\r\nDate: Sat, 28 Nov 2026 10:00:00 +0000\r\n"
    "MIME-Version: 1.0\r\n";

class Writer {
  public:
    std::string plain(std::size_t size) {
        auto mail = head("text/plain; charset=utf-8") + "\r\n";
        return mail + prose(size - mail.size());
    }

    // Text and HTML, as most mail programs send it.
    std::string alternative(std::size_t size) {
        const auto third = size / 3;
        return head("multipart/alternative; boundary=\"b1\"") +
               "\r\n--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + prose(third) +
               "\r\n--b1\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html(size - third) + "\r\n--b1--\r\n";
    }

    std::string attached(std::size_t size) {
        std::string octets(size / 4 * 3, '\0');
        for (auto& octet : octets)
            octet = static_cast<char>(words_.number());
        return head("multipart/mixed; boundary=\"b1\"") +
               "\r\n--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + prose(1500) +
               "\r\n--b1\r\nContent-Type: application/octet-stream; name=\"data.bin\"\r\n"
               "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"data.bin\"\r\n\r\n" +
               base64(octets) + "--b1--\r\n";
    }

  private:
    std::string head(std::string_view type) {
        return fmt::format("{}Message-ID: <{}@example.com>\r\nSubject: {} {}\r\nContent-Type: {}\r\n", kHeader,
                           words_.number(), words_.next(), words_.next(), type);
    }

    std::string prose(std::size_t size) { return bench::message(words_, lists_, size); }

    std::string html(std::size_t size) {
        std::string text =
            "<!DOCTYPE html><html><head><title>News</title><style>p { margin: 0 } .a { color: #123456 "
            "}</style></head><body>";
        while (text.size() < size)
            text += fmt::format(
                "<p class=\"a\">{}<br>\r\n<a href=\"https://www.example.com/{}\"><img "
                "src=\"https://www.example.com/{}.png\" "
                "alt=\"\"></a></p>\r\n",
                prose(160), words_.next(), words_.next());
        return text + "</body></html>\r\n";
    }

    bench::Words words_;
    std::vector<policy::Expression> lists_ = bench::definitions(words_, 10, 0);
};

struct Load {
    std::string name;
    std::vector<std::string> mails;
};

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Every so many of the mails below `top`, so that all kinds are there; without the line that an mbox begins with.
Load corpus(const fs::path& top, std::size_t wanted) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::recursive_directory_iterator(top))
        if (entry.is_regular_file() && entry.path().extension() != ".mbox" && entry.path().extension() != ".tsv")
            paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    Load load{top.filename().string(), {}};
    const auto step = std::max<std::size_t>(1, paths.size() / wanted);
    for (std::size_t i = 0; i < paths.size(); i += step) {
        auto mail = read_file(paths[i]);
        if (mail.starts_with("From "))
            mail.erase(0, mail.find('\n') + 1);
        std::string canonical;
        for (const char octet : mail) {
            if (octet == '\n' && !canonical.ends_with('\r'))
                canonical += '\r';
            canonical += octet;
        }
        if (!canonical.empty())
            load.mails.push_back(std::move(canonical));
    }
    return load;
}

std::vector<Load> loads(std::size_t mails, const std::string& directory) {
    Writer writer;
    const auto many = [&](std::string name, const std::function<std::string()>& write) {
        Load load{std::move(name), {}};
        while (load.mails.size() < mails)
            load.mails.push_back(write());
        return load;
    };
    std::vector<Load> all = {many("plain, 4 KiB", [&] { return writer.plain(4096); }),
                             many("text and HTML, 24 KiB", [&] { return writer.alternative(24576); }),
                             many("attachment, 64 KiB", [&] { return writer.attached(65536); })};
    if (!directory.empty())
        all.push_back(corpus(directory, mails * 3));
    return all;
}

// ---- Measuring

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

// All mails go to one after the other, and again, so that what else the machine does hits them alike.
class Race {
  public:
    explicit Race(std::vector<std::unique_ptr<Contender>>& contenders)
        : contenders_(contenders), cpu_(contenders.size()), ratios_(contenders.size()) {}

    void run(const Load& load, unsigned repetitions) {
        pass(load);  // caches and heaps fill
        for (unsigned i = 0; i < repetitions; ++i) {
            const auto costs = pass(load);
            for (std::size_t who = 0; who < costs.size(); ++who) {
                cpu_[who].push_back(costs[who] / static_cast<double>(load.mails.size()));
                ratios_[who].push_back(costs[who] / costs[0]);
            }
        }
    }

    void print(const Load& load) const {
        fmt::print("{:<24}{:>7}{:>11.0f}", load.name, load.mails.size(), median(cpu_[0]));
        for (std::size_t who = 1; who < cpu_.size(); ++who) {
            const auto [least, most] = std::minmax_element(ratios_[who].begin(), ratios_[who].end());
            fmt::print("{:>10.0f}  {:.3f} ({:.3f}-{:.3f})", median(cpu_[who]), median(ratios_[who]), *least, *most);
        }
        fmt::print("{}\n", lost_ == 0 ? "" : fmt::format("   {} DETECTIONS LOST", lost_));
        std::fflush(stdout);
    }

    [[nodiscard]] std::size_t lost() const { return lost_; }

  private:
    // Microseconds of each. One takes all mails before the next does: the caches are its own, as on a busy machine.
    std::vector<double> pass(const Load& load) {
        std::vector<double> costs(contenders_.size());
        std::vector<std::vector<std::string>> names(contenders_.size());
        ++turn_;
        for (std::size_t i = 0; i < costs.size(); ++i) {
            const auto who = (i + turn_) % costs.size();
            for (const auto& mail : load.mails) {
                auto cost = contenders_[who]->scan(mail);
                costs[who] += cost.cpu;
                names[who].push_back(std::move(cost.name));
            }
        }
        for (std::size_t who = 1; who < names.size(); ++who)
            for (std::size_t mail = 0; mail < load.mails.size(); ++mail)
                lost_ += !names[0][mail].empty() && names[who][mail].empty() ? 1 : 0;
        return costs;
    }

    std::vector<std::unique_ptr<Contender>>& contenders_;
    std::vector<std::vector<double>> cpu_;  // of each, microseconds for a mail, by repetition
    std::vector<std::vector<double>> ratios_;
    std::size_t turn_ = 0;
    std::size_t lost_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
    std::string database;
    std::string mails_directory;
    std::string wanted_load;
    std::size_t mails = 200;
    unsigned repetitions = 5;
    for (int option = 0; (option = ::getopt(count, arguments, "d:m:r:c:l:")) != -1;) {
        if (option == 'd')
            database = optarg;
        else if (option == 'm')
            mails = std::max(1UL, std::strtoul(optarg, nullptr, 10));
        else if (option == 'r')
            repetitions = std::max(1U, static_cast<unsigned>(std::strtoul(optarg, nullptr, 10)));
        else if (option == 'c')
            mails_directory = optarg;
        else if (option == 'l')
            wanted_load = optarg;
        else
            return 2;
    }
    if (database.empty() || optind >= count)
        fail("bench_scan -d DATABASE [-m MAILS] [-r REPETITIONS] [-c CORPUS] [-l LOAD] SANDWICHD...");
    // Nothing is remembered of the mails, which come again and again: libclamav alone remembers nothing either.
    const auto ini =
        fmt::format("[general]\nscan_user=nobody\n[worker]\ncount=1\n[scanner.clamav]\ndatabase={}\nremember_clean=0\n",
                    fs::absolute(database).string());
    const auto parsed = config::parse(ini);
    if (!parsed.settings)
        fail("the settings are wrong");
    std::string directory = "/dev/shm/bench-scan.XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr)
        fail("no directory on tmpfs");
    const auto self = fs::read_symlink("/proc/self/exe").parent_path() / "bench_scan_alone";
    std::vector<std::unique_ptr<Contender>> contenders;
    fmt::print("{:<24}{:>7}{:>11}     {:<28}", "microseconds of CPU", "mails", "libclamav", "its heap trimmed");
    for (const auto* heap : {"kept", "trimmed"})
        contenders.push_back(
            std::make_unique<Alone>(self.string(), heap, database, directory, parsed.settings->clamav));
    for (int i = optind; i < count; ++i) {
        contenders.push_back(std::make_unique<Ours>(arguments[i], ini));
        fmt::print("     {:<28}", fs::path(arguments[i]).filename().string());
    }
    fmt::print("\n");
    std::size_t lost = 0;
    for (const auto& load : loads(mails, mails_directory)) {
        if (load.name.find(wanted_load) == std::string::npos)
            continue;
        Race race(contenders);
        race.run(load, repetitions);
        race.print(load);
        lost += race.lost();
    }
    contenders.clear();
    while (::wait(nullptr) > 0) {
    }
    fs::remove_all(directory);
    return lost == 0 ? 0 : 1;
}
