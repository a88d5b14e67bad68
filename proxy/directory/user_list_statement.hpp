// SQLite's C interface with owners: a connection and a prepared statement. Failures are exceptions here; the store that
// uses them turns them into errors at its own border.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace directory {

struct SqliteFailure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct CloseSqlite {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
using SqliteDatabase = std::unique_ptr<sqlite3, CloseSqlite>;

inline void execute(sqlite3* database, const char* sql) {
    if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
        throw SqliteFailure(sqlite3_errmsg(database));
}

// Bind, then next() until it is false; reset by the next bind or restart(). Texts are copied by SQLite.
class SqliteStatement {
  public:
    SqliteStatement(sqlite3* database, const char* sql) : database_(database) {
        sqlite3_stmt* statement = nullptr;
        if (sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
            throw SqliteFailure(sqlite3_errmsg(database));
        statement_.reset(statement);
    }

    template <typename... Values>
    SqliteStatement& bind(const Values&... values) {
        sqlite3_reset(statement_.get());
        int position = 0;
        (bind_at(++position, values), ...);
        return *this;
    }

    bool next() {
        switch (sqlite3_step(statement_.get())) {
            case SQLITE_ROW:
                return true;
            case SQLITE_DONE:
                sqlite3_reset(statement_.get());  // a statement in the middle of its rows keeps a transaction open
                return false;
            default:
                break;
        }
        const SqliteFailure failure(sqlite3_errmsg(database_));
        sqlite3_reset(statement_.get());
        throw failure;
    }

    // Runs it to its end; returns how many rows it changed.
    template <typename... Values>
    int run(const Values&... values) {
        bind(values...);
        while (next()) {
        }
        return sqlite3_changes(database_);
    }

    [[nodiscard]] std::int64_t number(int column) const { return sqlite3_column_int64(statement_.get(), column); }
    [[nodiscard]] std::string text(int column) const {
        const auto* const octets = sqlite3_column_text(statement_.get(), column);
        if (octets == nullptr)
            return {};
        return {reinterpret_cast<const char*>(octets),
                static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
    }
    void restart() { sqlite3_reset(statement_.get()); }

  private:
    void bind_at(int position, std::int64_t value) { check(sqlite3_bind_int64(statement_.get(), position, value)); }
    void bind_at(int position, std::string_view value) {
        // Without octets it would be NULL.
        check(sqlite3_bind_text(statement_.get(), position, value.empty() ? "" : value.data(),
                                static_cast<int>(value.size()), SQLITE_TRANSIENT));
    }
    void check(int code) {
        if (code != SQLITE_OK)
            throw SqliteFailure(sqlite3_errmsg(database_));
    }

    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    sqlite3* database_;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// Rolled back unless committed.
class SqliteTransaction {
  public:
    explicit SqliteTransaction(sqlite3* database) : database_(database) { execute(database, "BEGIN IMMEDIATE"); }
    ~SqliteTransaction() {
        if (!done_)
            sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
    }
    SqliteTransaction(const SqliteTransaction&) = delete;
    SqliteTransaction& operator=(const SqliteTransaction&) = delete;
    void commit() {
        execute(database_, "COMMIT");
        done_ = true;
    }

  private:
    sqlite3* database_;
    bool done_ = false;
};

}  // namespace directory
