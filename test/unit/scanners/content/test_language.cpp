// In which language and in which letters a text is written.
#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "policy/writing.hpp"
#include "scanners/content/language.hpp"
#include "scanners/content/script.hpp"

using policy::bit;
using policy::Writing;
using scanners::content::Languages;
using scanners::content::scripts_of;

namespace {

struct Row {
    const char* language;
    const char* text;
};

constexpr Row kTexts[] = {
    {"en", "Please find attached the invoice for last month. Kindly pay within thirty days."},
    {"de", "Anbei erhalten Sie die Rechnung für den vergangenen Monat. Bitte überweisen Sie den Betrag bald."},
    {"fr", "Veuillez trouver ci-joint la facture du mois dernier. Merci de payer dans les trente jours."},
    {"es", "Estimado cliente, su cuenta ha sido suspendida. Haga clic en el enlace para confirmar su identidad."},
    {"pt", "Prezado cliente, a sua conta foi suspensa. Clique na ligação abaixo para confirmar a sua identidade."},
    {"it",
     "Gentile cliente, in allegato trova la fattura del mese scorso. La preghiamo di pagare entro trenta giorni."},
    {"nl", "Bijgevoegd vindt u de factuur van de afgelopen maand. Gelieve binnen dertig dagen te betalen."},
    {"pl",
     "Szanowni Państwo, w załączeniu przesyłam fakturę za ubiegły miesiąc. Proszę o zapłatę w ciągu trzydziestu dni."},
    {"ru", "Уважаемый клиент, во вложении вы найдёте счёт за прошлый месяц. Просим оплатить в течение тридцати дней."},
    {"uk",
     "Шановний клієнте, у вкладенні ви знайдете рахунок за минулий місяць. Просимо сплатити протягом тридцяти днів."},
    {"zh", "尊敬的客户，随函附上上个月的发票。请在三十天内付款。如有任何问题，请随时与我们联系。"},
    {"ja", "お客様、先月の請求書を添付いたします。三十日以内にお支払いください。よろしくお願いいたします。"},
    {"ko", "고객님, 지난달 청구서를 첨부합니다. 삼십 일 이내에 결제해 주시기 바랍니다."},
    {"ar", "عزيزي العميل، مرفق طيه فاتورة الشهر الماضي. يرجى الدفع في غضون ثلاثين يوما."},
    {"el", "Αγαπητέ πελάτη, επισυνάπτεται το τιμολόγιο του προηγούμενου μήνα."},
    {"tr", "Sayın müşterimiz, geçen ayın faturası ekte yer almaktadır. Lütfen otuz gün içinde ödeyiniz."},
};

const Languages& languages() {
    static const auto loaded = Languages::load();
    REQUIRE(loaded);
    return *loaded;
}

}  // namespace

TEST_CASE("the language of a sentence") {
    for (const auto& row : kTexts) {
        CAPTURE(row.language);
        CHECK(languages().of(row.text) == row.language);
        // What is no language does not drown it.
        CHECK(languages().of("https://www.a.example/x?y=z 4711 a@b.test\r\n" + std::string(row.text)) == row.language);
    }
}

TEST_CASE("too little text, or none, has no language") {
    for (const auto* text : {"", "Hello, see you tomorrow at nine.", "1234 5678 9101112 42 42 42 ==== ----", "OK",
                             "https://a.example/this/is/not/a/text/that/people/read/but/a/long/link/of/letters"})
        CHECK(languages().of(text).empty());
}

TEST_CASE("any octets are taken") {
    std::string hostile;
    for (int i = 0; i < 20000; ++i)
        hostile += static_cast<char>(i * 7 + i / 256);
    CHECK(languages().of(hostile).size() <= 2);
    CHECK(languages().of(std::string(5000, '\xe4')).empty());
    for (std::size_t cut = 0; cut < 60; ++cut)  // within a character
        CHECK(languages().of(std::string_view(kTexts[10].text).substr(0, cut)).size() <= 2);
    CHECK(languages().of(std::string(100000, 'x')).size() <= 2);
}

TEST_CASE("the words of the configuration are those of the library") {
    std::ifstream list("/usr/share/libexttextcat/fpdb.conf");
    std::set<std::string> known;
    for (std::string line; std::getline(list, line);) {
        std::istringstream words(line);
        std::string file;
        std::string name;
        if (line.starts_with('#') || !(words >> file >> name))
            continue;
        const auto code = name.substr(0, name.find('-'));
        if (code.size() == 2)
            known.insert(code);
    }
    CHECK(known.size() > 100);
    for (char a = 'a'; a <= 'z'; ++a)
        for (char b = 'a'; b <= 'z'; ++b)
            CHECK(policy::is_language(std::string{a, b}) == known.contains(std::string{a, b}));
    CHECK_FALSE(policy::is_language("deu"));
    CHECK_FALSE(policy::is_language("e "));
}

TEST_CASE("the writing systems of a text") {
    CHECK(scripts_of("Hello") == bit(Writing::kLatin));
    CHECK(scripts_of("Привет") == bit(Writing::kCyrillic));
    CHECK(scripts_of("Привет, dear friends") == (bit(Writing::kLatin) | bit(Writing::kCyrillic)));
    CHECK(scripts_of("A long English sentence with one foreign letter: я") == bit(Writing::kLatin));
    CHECK(scripts_of("4711 !?") == 0);
}
