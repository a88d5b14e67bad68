#include "rig.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "roles.hpp"

namespace rig {
namespace {

namespace fs = std::filesystem;

class MemfdMessage : public mail::Message {
  public:
    MemfdMessage(std::string bytes, bool in_memory) : bytes_(std::move(bytes)), in_memory_(in_memory) {}
    [[nodiscard]] std::string_view bytes() const override { return bytes_; }
    [[nodiscard]] bool in_memory() const override { return in_memory_; }
    [[nodiscard]] base::Result<base::UniqueFd> share() const override {
        base::UniqueFd fd(::memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        if (!fd || ::write(fd.get(), bytes_.data(), bytes_.size()) != static_cast<ssize_t>(bytes_.size()) ||
            ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
            return base::errno_error("memfd");
        return fd;
    }

  private:
    std::string bytes_;
    bool in_memory_;
};

void set_class(pid_t pid, int policy) {
    const sched_param none{};
    if (::sched_setscheduler(pid, policy, &none) != 0)
        throw std::system_error(errno, std::system_category(), "sched_setscheduler");
}

void become_nobody() {
    const passwd* nobody = ::getpwnam("nobody");
    if (nobody == nullptr || ::setgroups(0, nullptr) != 0 || ::setgid(nobody->pw_gid) != 0 ||
        ::setuid(nobody->pw_uid) != 0)
        ::_exit(99);
    // The change of user makes a process undumpable, and an undumpable one cannot make a user namespace for itself; a
    // daemon that an ordinary user starts is dumpable.
    ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

// A copy of our signatures that scan_user may read, wherever the checkout lies; gone when this program ends.
class ReadableSignatures {
  public:
    ReadableSignatures() {
        std::string path = (fs::temp_directory_path() / "sandwich-signatures-XXXXXX").string();
        if (::mkdtemp(path.data()) == nullptr)
            throw std::runtime_error("cannot make a directory for the signatures");
        path_ = path;
        fs::permissions(path_, fs::perms(0755));
        for (const auto& entry : fs::directory_iterator(SANDWICH_TEST_SIGNATURES)) {
            const auto copy = path_ / entry.path().filename();
            fs::copy_file(entry.path(), copy);
            fs::permissions(copy, fs::perms(0644));
        }
    }
    ReadableSignatures(const ReadableSignatures&) = delete;
    ReadableSignatures& operator=(const ReadableSignatures&) = delete;
    ~ReadableSignatures() {
        if (::getpid() == owner_) {  // not in a child that was forked for a test
            std::error_code ignored;
            fs::remove_all(path_, ignored);
        }
    }
    [[nodiscard]] std::string path() const { return path_.string(); }

  private:
    fs::path path_;
    pid_t owner_ = ::getpid();
};

std::string test_signatures() {
    static const ReadableSignatures copy;
    return copy.path();
}

}  // namespace

config::Settings settings() {
    using namespace std::chrono_literals;
    config::Settings wanted;
    wanted.scan_user = "nobody";
    wanted.worker_count = 2;
    wanted.scan_timeout = 20s;
    wanted.scan_total_timeout = 30s;
    wanted.worker_memory_limit = 1ULL << 30;
    wanted.worker_tmp_size = 64 << 20;
    wanted.clamav.database = "/nonexistent";
    wanted.clamav.allow_test_signatures = true;
    wanted.clamav.test_signatures = test_signatures();
    wanted.clamav.max_file_size = 100 << 20;
    wanted.clamav.max_scan_size = 400 << 20;
    wanted.clamav.max_recursion = 17;
    wanted.clamav.max_files = 10000;
    return wanted;
}

mail::MessagePtr message(std::string bytes) {
    return std::make_shared<MemfdMessage>(std::move(bytes), false);
}

mail::MessagePtr message_in_memory(std::string bytes) {
    return std::make_shared<MemfdMessage>(std::move(bytes), true);
}

ZygoteProcess::ZygoteProcess(const config::Settings& wanted, User user) : log_(::memfd_create("log", MFD_CLOEXEC)) {
    auto ends = base::make_channel();
    if (!ends)
        throw std::runtime_error(ends.error().message);
    pid_ = ::fork();
    if (pid_ == 0) {
        for (const int fatal : {SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGINT, SIGTERM})
            ::signal(fatal, SIG_DFL);  // the test program's own handlers write reports
        ::dup2(log_.get(), STDERR_FILENO);
        ::fcntl(STDERR_FILENO, F_SETFL, O_APPEND);
        base::log::open(base::log::Target::kStderr, "zygote");
        const int supervisor = ::fcntl(ends->second.get(), F_DUPFD, 100);
        ::close_range(3, 99, 0);
        ::dup2(supervisor, roles::kSupervisorFd);
        ::close_range(5, ~0U, 0);
        if (user == User::kNobody)
            become_nobody();
        if (user == User::kBeside)
            set_class(0, SCHED_IDLE);
        ::_exit(roles::run_zygote(wanted));
    }
    channel_ = std::move(ends->first);
    base::Packet packet;
    bool received = base::receive_packet(channel_.get(), packet, true) == base::Received::kPacket;
    if (received && packet.bytes == "L") {
        set_class(pid_, SCHED_OTHER);
        received = base::send_packet(channel_.get(), "F") &&
                   base::receive_packet(channel_.get(), packet, true) == base::Received::kPacket;
    }
    if (received)
        first_words_ = packet.bytes;
}

ZygoteProcess::~ZygoteProcess() {
    hang_up();
    if (pid_ > 0 && wait() == -1) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

std::string ZygoteProcess::log() const {
    std::string text(1 << 16, '\0');
    const auto got = ::pread(log_.get(), text.data(), text.size(), 0);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return text;
}

base::UniqueFd ZygoteProcess::serve() {
    auto ends = base::make_channel();
    if (!ends || !base::send_packet(channel_.get(), "S", {ends->second.get()}))
        throw std::runtime_error("cannot hand a control channel to the zygote");
    return std::move(ends->first);
}

int ZygoteProcess::wait() {
    for (int i = 0; i < 1000 && pid_ > 0; ++i) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            return status;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return -1;
}

PoolThread::PoolThread(scanners::PoolLimits limits)
    : pool_(std::make_unique<scanners::Pool>(loop_, limits)), thread_([this] { loop_.run(); }) {}

PoolThread::~PoolThread() {
    destroy_pool();
    loop_.stop();
    thread_.join();
}

void PoolThread::on_loop(const std::function<void()>& task) {
    std::promise<void> done;
    loop_.post([&] {
        task();
        done.set_value();
    });
    done.get_future().wait();
}

void PoolThread::destroy_pool() {
    on_loop([this] { pool_.reset(); });
}

void PoolThread::adopt(base::UniqueFd control, std::uint32_t generation) {
    on_loop([&] { pool_->adopt_zygote(std::move(control), generation); });
}

void PoolThread::expect_no_more() {
    on_loop([this] { pool_->expect_no_more(); });
}

std::future<policy::ScanReport> PoolThread::submit(std::string bytes, std::string id) {
    return submit(message(std::move(bytes)), std::move(id));
}

std::future<policy::ScanReport> PoolThread::submit(mail::MessagePtr message, std::string id) {
    // set_value() throws when called twice: an answer that comes twice ends the program.
    auto promise = std::make_shared<std::promise<policy::ScanReport>>();
    auto future = promise->get_future();
    pool_->submit(loop_, std::move(id), std::move(message),
                  [promise](policy::ScanReport report) { promise->set_value(std::move(report)); });
    return future;
}

std::future<base::Result<scanners::EditAnswer>> PoolThread::submit_edit(std::string bytes,
                                                                        scanners::EditRequest request) {
    auto promise = std::make_shared<std::promise<base::Result<scanners::EditAnswer>>>();
    auto future = promise->get_future();
    pool_->submit_edit(loop_, "test", message(std::move(bytes)), std::move(request),
                       [promise](base::Result<scanners::EditAnswer> answer) { promise->set_value(std::move(answer)); });
    return future;
}

policy::ScanReport PoolThread::scan(std::string bytes) {
    auto future = submit(std::move(bytes));
    if (future.wait_for(std::chrono::seconds(20)) != std::future_status::ready)
        throw std::runtime_error("no answer from the pool");
    return future.get();
}

policy::ScanResult result_of(const policy::ScanReport& report, std::string_view scanner) {
    for (const auto& result : report.results) {
        if (result.scanner == scanner)
            return result;
    }
    throw std::runtime_error("no result of that scanner");
}

}  // namespace rig
