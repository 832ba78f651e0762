#!/usr/bin/env python3
"""Writes people.csv and people-changed.csv, the directory of the made-up company in the demonstration.

    python3 make-people.py            # in this folder; the same files come out every time

Nobody in these files exists. Names are put together from common given and family names of each country, written the
way people there write them; addresses use the domains that are reserved for examples. The numbers come from a small
generator of our own, because Python does not promise the same choices in every version.
"""

import csv
import unicodedata

PEOPLE = 1000

HEADER = ["firstname", "lastname", "email", "country", "groups", "type", "username", "domain"]

# country: how many shares of the people, given names, family names. A name that is not written in Latin letters has
# its spelling for addresses behind a slash.
COUNTRIES = {
    "US": (9, "Ava Noah Maya Ethan Grace Liam Zoe Caleb Ruth Owen Naomi Miles",
           "Miller Johnson O'Brien Walker Brooks Nguyen Reyes Carter Hughes Bennett Stone Fisher"),
    "GB": (6, "Oliver Amelia Harry Isla George Poppy Alfie Freya Arthur Imogen",
           "Smith Jones Taylor Evans Clarke Wright Shaw Fletcher Barnes Whitfield"),
    "IE": (2, "Aoife Seán Ciarán Niamh Pádraig Róisín Oisín Gráinne", "de-Búrca Byrne Kelly Fitzgerald Walsh Nolan"),
    "DE": (6, "Jürgen Anneliese Björn Käthe Matthias Sören Mira Götz Friederike Lukas",
           "Müller Weiß Schäfer Groß Böhm Roth Köhler Straßer Vogel Jäger"),
    "AT": (2, "Maximilian Valentina Ferdinand Rosalie", "Gruber Höfler Pichler Steinböck Moser"),
    "CH": (2, "Urs Reto Céline Noëmi Beat", "Zürcher Bäumli Favre Keller Bernasconi"),
    "FR": (5, "Élodie François Chloé Rémi Anaïs Gaël Zoé Hélène Loïc Bérénice",
           "Lefèvre Dubois Béranger Noël Garçon Moreau Hébert Château Girard Bézier"),
    "ES": (4, "José Lucía Íñigo Begoña Álvaro Nuria Iván Inés Raúl Concepción",
           "García Núñez Peña Ibáñez Muñoz Gutiérrez Martín Sáez Yáñez Ortiz"),
    "PT": (3, "João Inês Simão Conceição Tomás Beatriz", "Lima Magalhães Araújo Simões Conceição Sousa"),
    "BR": (5, "Thiago Luíza Antônio Márcia Caetano Júlia Vinícius Ângela",
           "Gonçalves Assunção Pereira Brandão Falcão Ribeiro Guimarães Sá"),
    "IT": (4, "Niccolò Giulia Matteo Chiara Lorenzo Ginevra Andrea Bianca", "Rossi Bianchi D'Angelo Ferrari Colombo Lo-Russo Greco Marino"),
    "NL": (3, "Daan Sanne Joris Femke Thijs Lieke", "de-Vries Jansen van-den-Berg Visser Meijer ter-Horst"),
    "SE": (3, "Åsa Björn Göran Märta Nils Öyvind", "Åkesson Lindström Öberg Sjögren Nyström Hallgren"),
    "NO": (2, "Ødegård Åse Bjørn Sølvi Kåre Ingrid", "Bjørnstad Håland Sørensen Nygård Østby Lie"),
    "DK": (2, "Søren Kåre Æbbe Mette Rasmus Astrid", "Østergaard Kjær Møller Nørgaard Holm Lund"),
    "FI": (2, "Väinö Päivi Äijä Jyrki Aino Sampo", "Hämäläinen Mäkelä Järvinen Ylönen Koskinen Salo"),
    "IS": (1, "Þórdís Guðrún Ásta Æsa", "Þorsteinsdóttir Sigurðardóttir Ægisdóttir Magnúsdóttir"),
    "PL": (4, "Łukasz Małgorzata Żaneta Święcisław Kasia Michał Bożena Zdzisław",
           "Wójcik Łoś Żak Kowalczyk Dąbek Źrebiec Świątek Nowak"),
    "CZ": (2, "Řehoř Božena Jiří Žofie Tomáš Eliška", "Krejčí Martinů Petrů Kočí Janů Jirků"),
    "HU": (2, "Ágnes Zsófia Őrs Tünde Gergő László", "Szőke Kovács Győrffy Tóth Nagy Fekete"),
    "RO": (2, "Ștefan Ioana Mihăiță Andreea Răzvan Ilinca", "Țepeș Ionescu Brâncuși Popa Dumitrașcu Munteanu"),
    "HR": (1, "Željko Đurđica Šime Lucija", "Šarić Đurić Žužul Horvat"),
    "TR": (4, "İpek Çağla Gökhan Şule Ozan Işıl Uğur Ayşe", "Yılmaz Çelik Öztürk Şahin Güneş Aydın Kılıç Doğan"),
    "VN": (2, "Thị-Hương Văn-Đức Ngọc-Ánh Quốc-Bảo Minh-Tuấn Thùy-Dương", "Nguyễn Trần Phạm Đặng Bùi Hoàng"),
    "ID": (2, "Sukarmin Dewi Budi Siti Putri Agung", "- Wibowo Lestari - Santoso Halim"),
    "NG": (3, "Chidi Ngozi Tunde Ọlámídé Amina Ifeoma Ṣadé Emeka", "Okafor Adébáyọ̀ Eze Balogun Nwosu Ọ̀ṣun"),
    "GH": (1, "Kofi Ama Kwame Akosua", "Mensah Owusu Boateng Asante"),
    "KE": (1, "Wanjiru Otieno Achieng Kamau", "Mwangi Odhiambo Njoroge Kiprop"),
    "RU": (4, "Мария/mariya Алексей/aleksey Ольга/olga Пётр/pyotr Юлия/yuliya Дмитрий/dmitriy Наталья/natalya Илья/ilya",
           "Черных/chernykh Гончар/gonchar Ткач/tkach Седых/sedykh Жук/zhuk Мельник/melnik Ёж/yozh"),
    "UA": (3, "Олена/olena Тарас/taras Ганна/hanna Ярослав/yaroslav Євген/yevhen Соломія/solomiya",
           "Шевченко/shevchenko Коваленко/kovalenko Їжак/yizhak Ґудзь/gudz Бондаренко/bondarenko Мельник/melnyk"),
    "BG": (1, "Ружа/ruzha Цветелина/tsvetelina Елена/elena Ралица/ralitsa", "Иванова/ivanova Петрова/petrova Димитрова/dimitrova Ангелова/angelova"),
    "RS": (1, "Ђорђе/djordje Милица/milica Љубица/ljubica Немања/nemanja", "Петровић/petrovic Јовановић/jovanovic Њежић/njezic Ђурић/djuric"),
    "GR": (3, "Ελένη/eleni Γιώργος/giorgos Αικατερίνη/aikaterini Νίκος/nikos Σοφία/sofia Δημήτρης/dimitris",
           "Παπανικολάου/papanikolaou Οικονόμου/oikonomou Βασιλείου/vasileiou Γεωργίου/georgiou Αλεξίου/alexiou"),
    "GE": (1, "ნინო/nino გიორგი/giorgi თამარ/tamar ლევან/levan", "ბერიძე/beridze კაპანაძე/kapanadze წერეთელი/tsereteli"),
    "AM": (1, "Անի/ani Արամ/aram Նարե/nare Տիգրան/tigran", "Հակոբյան/hakobyan Սարգսյան/sargsyan Պետրոսյան/petrosyan"),
    "IL": (3, "נועה/noa דניאל/daniel תמר/tamar איתי/itai שירה/shira אורי/uri", "כהן/cohen לוי/levi מזרחי/mizrahi פרץ/peretz ביטון/biton"),
    "EG": (3, "محمد/mohamed فاطمة/fatma أحمد/ahmed نور/nour يوسف/youssef هبة/heba", "حسن/hassan عبد-الرحمن/abdelrahman السيد/elsayed إبراهيم/ibrahim منصور/mansour"),
    "MA": (1, "ياسين/yassine سلمى/salma إدريس/idriss خديجة/khadija", "بنعلي/benali العلوي/alaoui الفاسي/elfassi"),
    "IR": (2, "زهرا/zahra علی/ali پریسا/parisa کیان/kian", "حسینی/hosseini کریمی/karimi گلشیری/golshiri چمنی/chamani"),
    "PK": (1, "عائشہ/ayesha بلال/bilal ثناء/sana حمزہ/hamza", "خان/khan چوہدری/chaudhry قریشی/qureshi"),
    "IN": (7, "आरव/aarav प्रिया/priya रोहन/rohan अनन्या/ananya विक्रम/vikram दीपिका/deepika सौरभ/saurabh लक्ष्मी/lakshmi",
           "शर्मा/sharma वर्मा/varma गुप्ता/gupta सिंह/singh पाटिल/patil मिश्रा/mishra चतुर्वेदी/chaturvedi"),
    "BD": (1, "রহিম/rahim সুমাইয়া/sumaiya তানভীর/tanvir নুসরাত/nusrat", "হোসেন/hossain আক্তার/akter চৌধুরী/chowdhury"),
    "LK": (1, "නිමල්/nimal සඳුනි/sanduni கவிதா/kavitha முருகன்/murugan", "පෙරේරා/perera සිල්වා/silva சிவகுமார்/sivakumar"),
    "TH": (3, "สมชาย/somchai มาลี/malee ณัฐวุฒิ/nattawut ปิยะดา/piyada วิชัย/wichai สุดารัตน์/sudarat", "ใจดี/jaidee ศรีสุข/srisuk ทองคำ/thongkham บุญมี/boonmee วงศ์ไทย/wongthai"),
    "CN": (7, "伟/wei 芳/fang 秀英/xiuying 磊/lei 静怡/jingyi 浩然/haoran 雨桐/yutong 建国/jianguo", "王/wang 李/li 张/zhang 刘/liu 陈/chen 欧阳/ouyang 赵/zhao 黄/huang"),
    "TW": (2, "怡君/yichun 志明/chihming 淑芬/shufen 家豪/chiahao", "林/lin 陳/chen 郭/kuo 蔡/tsai"),
    "JP": (7, "さくら/sakura 翔太/shota 結衣/yui 健一/kenichi 美咲/misaki ヒカル/hikaru 大輔/daisuke 陽菜/hina",
           "佐藤/sato 鈴木/suzuki 高橋/takahashi 田中/tanaka 渡邉/watanabe 伊藤/ito 山﨑/yamazaki 小林/kobayashi"),
    "KR": (4, "민준/minjun 서연/seoyeon 지훈/jihun 하은/haeun 도윤/doyun 수아/sua", "김/kim 이/lee 박/park 최/choi 정/jung 남궁/namgung"),
}

DEPARTMENTS = {  # shares of the people
    "Design": 16, "Photography": 7, "Video": 8, "Marketing": 14, "Engineering": 17, "Sales": 14,
    "Finance": 6, "Legal": 3, "Human Resources": 4, "Support": 9, "Facilities": 2,
}
EXTRA_GROUPS = {"Managers": 9, "Print Shop": 5, "Web Team": 7, "Early Access": 3}  # per cent of the people

PLAIN_LETTERS = str.maketrans({"ł": "l", "ø": "o", "ß": "ss", "ı": "i", "đ": "d", "æ": "ae", "ð": "d", "þ": "th", "œ": "oe"})


class Numbers:
    """A 64-bit linear congruential generator, high bits only."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % limit

    def pick(self, items):
        return items[self.below(len(items))]

    def weighted(self, shares):
        at = self.below(sum(shares.values()))
        for key, share in shares.items():
            if at < share:
                return key
            at -= share
        raise AssertionError("shares add up")


def ascii_letters(name):
    """The name as it stands in an address: Latin letters, digits and hyphens only."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(PLAIN_LETTERS))
    return "".join(c for c in plain if c.isascii() and (c.isalnum() or c == "-"))


def names(text):
    """(as written, for addresses) of each name in a list; a single hyphen is "has none"."""
    out = []
    for word in text.split():
        native, _, latin = word.partition("/")
        if native == "-":
            out.append(("", ""))
        else:
            out.append((native.replace("-", " ") if word[0] != "-" else native, latin or ascii_letters(native)))
    return out


def people():
    numbers = Numbers(20240229)
    countries = {code: row[0] for code, row in COUNTRIES.items()}
    parsed = {code: (names(row[1]), names(row[2])) for code, row in COUNTRIES.items()}
    taken, rows = set(), []
    while len(rows) < PEOPLE:
        number = len(rows) + 1
        country = numbers.weighted(countries)
        (first, first_latin), (last, last_latin) = numbers.pick(parsed[country][0]), numbers.pick(parsed[country][1])
        local = ".".join(part for part in (first_latin, last_latin) if part)
        while local in taken:
            local = f"{local.rstrip('0123456789')}{numbers.below(90) + 10}"
        taken.add(local)
        groups = [numbers.weighted(DEPARTMENTS)]
        groups += [name for name, share in EXTRA_GROUPS.items() if numbers.below(100) < share]
        row = dict.fromkeys(HEADER, "")
        row.update(firstname=first, lastname=last, country=country, groups=",".join(groups))
        if number % 83 == 0:      # a dozen outside partners bring an Adobe ID of their own
            row.update(email=f"{local}@partners.example.net", type="adobeID", groups="Contractors")
        elif number % 41 == 0:    # the older directory
            row.update(email=f"{local}@example.net", type="enterpriseID")
        elif number % 29 == 0:    # signs in with a staff number
            row.update(email=f"{local}@example.com", username=f"p{number:04}", domain="example.com")
        else:
            row["email"] = f"{local}@{'example.org' if numbers.below(5) == 0 else 'example.com'}"
        rows.append(row)
    return rows


def changed(rows):
    """The same company a week later: four left, six came, and ten were changed."""
    leavers = {rows[i]["email"] for i in (17, 230, 471, 808)}
    later = [dict(row) for row in rows if row["email"] not in leavers]
    plain = [row for row in later if not row["type"] and not row["username"]]
    for country, name in (("DE", "Vogel-Roth"), ("JP", "山本"), ("ES", "García de la Peña"), ("RU", "Черных-Ткач")):
        next(row for row in plain[40:] if row["country"] == country)["lastname"] = name
    for row, groups in zip(plain[120:125], ("Design,Managers", "Video", "Marketing,Web Team", "Engineering", "Photography,Print Shop")):
        row["groups"] = groups
    plain[300]["groups"] = ""
    for first, last, email, country, groups in (
        ("Zoë", "Castellanos", "zoe.castellanos@example.com", "MX", "Design"),
        ("Tāne", "Ngata", "tane.ngata@example.com", "NZ", "Engineering,Web Team"),
        ("ກຸລາບ", "ພົມມະຈັນ", "kulap.phommachan@example.org", "LA", "Support"),
        ("Nataša", "Kovač", "natasa.kovac@example.com", "SI", "Video"),
        ("ሰላም", "ተስፋዬ", "selam.tesfaye@example.com", "ET", "Marketing"),
        ("明", "司马", "ming.sima@example.org", "SG", "Photography"),
    ):
        later.append(dict(zip(HEADER, (first, last, email, country, groups, "", "", ""))))
    return later


def write(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, HEADER, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    company = people()
    write("people.csv", company)
    write("people-changed.csv", changed(company))
