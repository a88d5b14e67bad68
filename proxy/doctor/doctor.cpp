#include "doctor/doctor.hpp"

#include <vector>

#include "base/log.hpp"
#include "doctor/local_checks.hpp"
#include "doctor/network_checks.hpp"
#include "doctor/probe.hpp"
#include "doctor/run_checks.hpp"
#include "doctor/side_by_side.hpp"

namespace doctor {
namespace {

std::vector<Check> checks_for(const Setup& setup) {
    const auto patience = setup.request.patience;
    const auto usual = 4 * patience + std::chrono::seconds(60);
    std::vector<Check> checks;
    if (setup.proxy_expected())
        checks.push_back({"configuration", check_configuration, usual});
    checks.push_back({"sendmail.cf", check_sendmail_pair, usual});
    if (!setup.settings) {
        // A box without sandwichd; or what its settings say is not known.
        checks.push_back({"ports", check_ports, usual});
        checks.push_back({"queue runners", check_queues, usual});
        checks.push_back({"clock", check_clock, usual});
        return checks;
    }
    const auto rounds = static_cast<long>(count_routes(setup) / kSideBySide + 1);
    const auto probe = setup.request.probe_patience() + std::chrono::seconds(30);
    checks.insert(checks.end(), {{"sandwichd", check_daemon, std::chrono::seconds(40)},
                                 {"ports", check_ports, usual},
                                 {"allow list", check_allow_list, usual},
                                 {"routes", check_routes, rounds * (usual + 16 * patience)},
                                 {"sources", check_sources, 4 * usual},
                                 {"log-in", check_logins, 4 * usual},
                                 {"scanners", check_scanners, 16 * usual},
                                 {"queue runners", check_queues, usual},
                                 {"clock", check_clock, usual},
                                 {"signatures", check_signatures, usual},
                                 {"disk", check_disk, usual},
                                 {"rights", check_rights, usual}});
    if (setup.request.probe)
        checks.push_back({"probe", check_probe, 2 * probe});
    return checks;
}

}  // namespace

int run(Request request) {
    // Libraries of the daemon's log what is told here anyway.
    base::log::open(base::log::Target::kStderr, "sandwichctl", base::log::Level::kCritical);
    const auto setup = make_setup(std::move(request));
    const auto checks = checks_for(*setup);
    const auto all = run_checks(checks, setup);
    setup->request.print(summary(all));
    if (!setup->settings && setup->proxy_expected())
        setup->request.print("The configuration cannot be read, so most was not checked.\n");
    return exit_status(all);
}

}  // namespace doctor
