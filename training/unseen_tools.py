"""Tools that the training has never seen, each with what people ask of it; written by hand."""

from typing import Any

__all__ = ["UNSEEN"]

UNSEEN: list[tuple[str, str, list[tuple[str, dict[str, Any]]]]] = [
    (
        "get_humidity(town: str)",
        "Return the humidity in a town.",
        [
            ("What is the humidity in Bergen?", {"town": "Bergen"}),
            ("Tell me the humidity of Quito.", {"town": "Quito"}),
        ],
    ),
    (
        "wind_forecast(place: str, hours: int)",
        "Forecast the wind at a place for some hours.",
        [
            ("Forecast the wind in Cork for 12 hours.", {"place": "Cork", "hours": 12}),
            ("What is the wind forecast for Nantes for 6 hours?", {"place": "Nantes", "hours": 6}),
        ],
    ),
    (
        "pollen_report(region: str)",
        "Return the pollen report of a region.",
        [
            ("Show me the pollen report of Bavaria.", {"region": "Bavaria"}),
            ("pollen report for Tuscany", {"region": "Tuscany"}),
        ],
    ),
    (
        "sunrise_time(city: str)",
        "Return the time of sunrise in a city.",
        [
            ("When is sunrise in Reykjavik?", {"city": "Reykjavik"}),
            ("What is the sunrise time in Malaga?", {"city": "Malaga"}),
        ],
    ),
    (
        "tide_level(harbour: str)",
        "Return the level of the tide at a harbour.",
        [("What is the tide level at Rotterdam?", {"harbour": "Rotterdam"})],
    ),
    (
        "vaccine_stock(clinic: str)",
        "Return how many vaccines a clinic has.",
        [("How many vaccines does the clinic Hillside have?", {"clinic": "Hillside"})],
    ),
    (
        "patient_allergies(patient_id: str)",
        "Return the allergies of a patient.",
        [("What are the allergies of patient P-207?", {"patient_id": "P-207"})],
    ),
    (
        "blood_type(person: str)",
        "Return the blood type of a person.",
        [("What is the blood type of Marek?", {"person": "Marek"})],
    ),
    (
        "dosage(drug: str, kilos: float)",
        "Return the dosage of a drug for a body of so many kilos.",
        [("What is the dosage of ibuprofen for 62.5 kilos?", {"drug": "ibuprofen", "kilos": 62.5})],
    ),
    (
        "count_letters(word: str)",
        "Count the letters of a word.",
        [
            ("How many letters has the word strawberry?", {"word": "strawberry"}),
            ('Count the letters of "banana".', {"word": "banana"}),
        ],
    ),
    (
        "to_uppercase(text: str)",
        "Turn a text into upper case.",
        [('Turn "hello there" into upper case.', {"text": "hello there"})],
    ),
    (
        "spellcheck(text: str)",
        "Check the spelling of a text.",
        [('Check the spelling of "recieve".', {"text": "recieve"})],
    ),
    (
        "detect_language(text: str)",
        "Detect the language of a text.",
        [
            ('Detect the language of "bonne nuit".', {"text": "bonne nuit"}),
            ('What language is "guten Abend"?', {"text": "guten Abend"}),
        ],
    ),
    (
        "sentiment(text: str)",
        "Return the sentiment of a text.",
        [('What is the sentiment of "I adore this hotel"?', {"text": "I adore this hotel"})],
    ),
    (
        "fibonacci(n: int)",
        "Return a number of the Fibonacci sequence.",
        [("What is fibonacci(30)?", {"n": 30}), ("Return the Fibonacci number 12.", {"n": 12})],
    ),
    (
        "greatest_divisor(a: int, b: int)",
        "Return the greatest common divisor of two integers.",
        [("What is the greatest common divisor of 84 and 36?", {"a": 84, "b": 36})],
    ),
    (
        "hypotenuse(a: float, b: float)",
        "Return the hypotenuse of a triangle.",
        [("What is the hypotenuse for a 3.5 and b 7.25?", {"a": 3.5, "b": 7.25})],
    ),
    (
        "circumference(radius: float)",
        "Return the circumference of a circle.",
        [("What is the circumference of a circle with radius 4.5?", {"radius": 4.5})],
    ),
    (
        "mortgage(sum: int, rate: float, years: int)",
        "Return the monthly payment of a mortgage.",
        [
            (
                "What is the mortgage payment for sum 250000, rate 3.5 and years 20?",
                {"sum": 250000, "rate": 3.5, "years": 20},
            )
        ],
    ),
    (
        "exchange(amount: float, source: str, target: str)",
        "Exchange an amount of money.",
        [("Exchange 250.5 from CHF to SEK", {"amount": 250.5, "source": "CHF", "target": "SEK"})],
    ),
    (
        "iban_of(supplier: str)",
        "Return the IBAN of a supplier.",
        [("What is the IBAN of Contoso?", {"supplier": "Contoso"})],
    ),
    (
        "refund(order_id: int)",
        "Refund an order.",
        [
            ("Refund order 48213.", {"order_id": 48213}),
            ("Please refund the order 77.", {"order_id": 77}),
        ],
    ),
    (
        "ship_parcel(parcel: str, address: str)",
        "Ship a parcel to an address.",
        [("Ship the parcel X-12 to Lyon.", {"parcel": "X-12", "address": "Lyon"})],
    ),
    (
        "track_parcel(number: str)",
        "Track a parcel.",
        [("Track the parcel ZX-4411.", {"number": "ZX-4411"})],
    ),
    (
        "warehouse_capacity(depot: str)",
        "Return the capacity of a warehouse.",
        [("What is the capacity of the warehouse Delta?", {"depot": "Delta"})],
    ),
    (
        "dim_blinds(percent: int)",
        "Dim the blinds to so many percent.",
        [("Dim the blinds to 40 percent.", {"percent": 40})],
    ),
    (
        "set_thermostat(degrees: int)",
        "Set the thermostat to a number of degrees.",
        [("Set the thermostat to 21 degrees.", {"degrees": 21})],
    ),
    ("vacuum(space: str)", "Vacuum a space.", [("Vacuum the hallway.", {"space": "hallway"})]),
    (
        "feed_goldfish()",
        "Feed the goldfish.",
        [("Feed the goldfish.", {}), ("Please feed the goldfish!", {})],
    ),
    (
        "water_roses(minutes: int)",
        "Water the roses for some minutes.",
        [("Water the roses for 15 minutes.", {"minutes": 15})],
    ),
    ("ping(host: str)", "Ping a host.", [("Ping example.org", {"host": "example.org"})]),
    (
        "deploy(service: str, environment: str)",
        "Deploy a service to an environment.",
        [("Deploy billing to staging.", {"service": "billing", "environment": "staging"})],
    ),
    (
        "rollback(service: str)",
        "Roll back a service.",
        [("Roll back the service checkout.", {"service": "checkout"})],
    ),
    (
        "cpu_usage(hostname: str)",
        "Return the CPU usage of a host.",
        [("What is the CPU usage of web-03?", {"hostname": "web-03"})],
    ),
    (
        "disk_space(drive: str)",
        "Return the free space of a drive.",
        [("What is the disk space of drive sdb?", {"drive": "sdb"})],
    ),
    (
        "latest_commit(repository: str)",
        "Return the latest commit of a repository.",
        [("What is the latest commit of numpy?", {"repository": "numpy"})],
    ),
    (
        "open_issues(repository: str)",
        "Return the number of open issues of a repository.",
        [("How many open issues has reactivex?", {"repository": "reactivex"})],
    ),
    (
        "find_flights(origin: str, destination: str)",
        "Find flights between two airports.",
        [("Find flights from Oslo to Lisbon.", {"origin": "Oslo", "destination": "Lisbon"})],
    ),
    (
        "seat_map(aircraft: str)",
        "Show the seat map of an aircraft.",
        [("Show the seat map of the aircraft A320.", {"aircraft": "A320"})],
    ),
    (
        "visa_rules(nation: str)",
        "Return the visa rules of a nation.",
        [("What are the visa rules of Vietnam?", {"nation": "Vietnam"})],
    ),
    (
        "wiki_summary(topic: str)",
        "Return the summary of a topic in the encyclopedia.",
        [("Give me the summary of the topic volcanoes.", {"topic": "volcanoes"})],
    ),
    (
        "lookup_citation(paper: str)",
        "Look up the citation of a paper.",
        [("Look up the citation of the paper Attention.", {"paper": "Attention"})],
    ),
    (
        "molar_mass(compound: str)",
        "Return the molar mass of a compound.",
        [("What is the molar mass of glucose?", {"compound": "glucose"})],
    ),
    (
        "half_life(isotope: str)",
        "Return the half-life of an isotope.",
        [("What is the half-life of caesium?", {"isotope": "caesium"})],
    ),
    (
        "orbit_period(satellite: str)",
        "Return the orbit period of a satellite.",
        [("What is the orbit period of Titan?", {"satellite": "Titan"})],
    ),
    (
        "chess_opening(moves: str)",
        "Name the opening of a chess game.",
        [('Name the chess opening of "e4 c5".', {"moves": "e4 c5"})],
    ),
    (
        "roll_dice(sides: int)",
        "Roll dice with so many sides.",
        [("Roll dice with 20 sides.", {"sides": 20})],
    ),
    ("draw_card()", "Draw a card.", [("Draw a card.", {})]),
    (
        "lyrics(tune: str)",
        "Return the lyrics of a tune.",
        [("What are the lyrics of Yesterday?", {"tune": "Yesterday"})],
    ),
    (
        "concert_dates(band: str)",
        "Return the concert dates of a band.",
        [("What are the concert dates of Radiohead?", {"band": "Radiohead"})],
    ),
    (
        "gym_hours(branch: str)",
        "Return the opening hours of a gym.",
        [("What are the opening hours of the gym in Uppsala?", {"branch": "Uppsala"})],
    ),
    (
        "calorie_count(dish: str)",
        "Return the calories of a dish.",
        [("How many calories has lasagna?", {"dish": "lasagna"})],
    ),
    (
        "wine_pairing(dish: str)",
        "Return a wine that suits a dish.",
        [("Which wine suits the dish ravioli?", {"dish": "ravioli"})],
    ),
    (
        "notify(recipient: str, message: str)",
        "Notify a recipient with a message.",
        [
            (
                'Notify Ingrid with the message "lunch is ready".',
                {"recipient": "Ingrid", "message": "lunch is ready"},
            )
        ],
    ),
    (
        "append_diary(text: str)",
        "Append a text to the diary.",
        [('Append "saw a heron" to the diary.', {"text": "saw a heron"})],
    ),
]
"""A signature, a description, and requests with the arguments that they mean."""
