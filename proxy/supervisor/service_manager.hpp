// What the service manager is told (systemd's notification protocol, sd_notify(3)); nothing, where there is none.
#pragma once

#include <string>
#include <string_view>

namespace supervisor {

class ServiceManager {
  public:
    // Takes NOTIFY_SOCKET out of the environment: no other process of the daemon is to speak for it.
    ServiceManager();

    // "READY=1" and the like, lines separated by line feeds. Never waits, never fails aloud.
    void tell(std::string_view state) const;
    // RELOADING=1 with the time stamp that systemd wants along with it.
    void tell_reloading() const;

  private:
    std::string socket_;
};

}  // namespace supervisor
