// Engine: the scanners of a configuration without the daemon: one zygote with its sandboxed workers, started and ended
// by the caller. It opens no connection to anybody, and neither can they.
#pragma once

#include <future>
#include <memory>
#include <utility>

#include "base/result.hpp"
#include "mail/message.hpp"
#include "policy/scan_report.hpp"
#include "supervisor/configuration.hpp"

namespace inspect {

class Engine {
  public:
    // Loads signatures and patterns: seconds. Error: text for the administrator.
    static base::Result<std::unique_ptr<Engine>> start(const supervisor::Configuration& configuration);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Waits for the answer, whatever becomes of the worker; one thread at a time.
    policy::ScanReport scan(mail::MessagePtr message) { return begin(std::move(message)).get(); }
    // The same without waiting: several messages are scanned at the same time, as many as there are workers.
    std::future<policy::ScanReport> begin(mail::MessagePtr message);

  private:
    struct State;
    explicit Engine(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace inspect
