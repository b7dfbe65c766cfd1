"""Tools written after the last stretch of the training, each with what people ask of it.

What went wrong with the tools in `unseen_tools` was looked at when the last kinds of dialogues were
written; these were not there yet.
"""

from typing import Any

__all__ = ["FRESH"]

FRESH: list[tuple[str, str, list[tuple[str, dict[str, Any]]]]] = [
    (
        "air_quality(district: str)",
        "Return the air quality of a district.",
        [
            ("How is the air quality in Kreuzberg?", {"district": "Kreuzberg"}),
            ("air quality Brooklyn", {"district": "Brooklyn"}),
        ],
    ),
    (
        "ferry_timetable(port: str, day: str)",
        "Return the timetable of the ferries at a port on a day.",
        [("Show me the ferry timetable at Calais on Sunday.", {"port": "Calais", "day": "Sunday"})],
    ),
    (
        "parking_fee(minutes: int)",
        "Return the fee for parking so many minutes.",
        [("What is the parking fee for 95 minutes?", {"minutes": 95})],
    ),
    (
        "lookup_isbn(isbn: str)",
        "Look up a book by its ISBN.",
        [("Look up the ISBN 978-3161484100.", {"isbn": "978-3161484100"})],
    ),
    (
        "mute_channel(channel: str)",
        "Mute a channel.",
        [
            ("Mute the channel random.", {"channel": "random"}),
            ("Please mute general", {"channel": "general"}),
        ],
    ),
    (
        "brew_espresso(shots: int)",
        "Brew an espresso with some shots.",
        [("Brew an espresso with 2 shots.", {"shots": 2})],
    ),
    (
        "close_garage()",
        "Close the garage.",
        [("Close the garage.", {}), ("Could you close the garage?", {})],
    ),
    (
        "merge_branches(origin: str, into: str)",
        "Merge a branch into another.",
        [("Merge feature-7 into develop.", {"origin": "feature-7", "into": "develop"})],
    ),
    (
        "count_vowels(text: str)",
        "Count the vowels of a text.",
        [
            ('How many vowels are in "onomatopoeia"?', {"text": "onomatopoeia"}),
            ('Count the vowels in "Blue Whale".', {"text": "Blue Whale"}),
        ],
    ),
    (
        "anagram(word: str)",
        "Return an anagram of a word.",
        [('Give me an anagram of "listen".', {"word": "listen"})],
    ),
    (
        "to_morse(text: str)",
        "Turn a text into Morse code.",
        [('Turn "SOS now" into Morse code.', {"text": "SOS now"})],
    ),
    (
        "slugify(title: str)",
        "Make a slug of a title.",
        [('Slugify the title "My First Post!".', {"title": "My First Post!"})],
    ),
    (
        "bmi(mass: float, height: float)",
        "Return the body mass index.",
        [
            ("What is the BMI for mass 81.5 and height 1.79?", {"mass": 81.5, "height": 1.79}),
            ("bmi for height 1.6 and mass 55.2", {"mass": 55.2, "height": 1.6}),
        ],
    ),
    (
        "trapezoid_area(a: float, b: float, h: float)",
        "Return the area of a trapezoid.",
        [("What is the trapezoid area for a 3, b 5.5 and h 2?", {"a": 3, "b": 5.5, "h": 2})],
    ),
    (
        "is_leap(year: int)",
        "Tell whether a year is a leap year.",
        [("Is 2028 a leap year?", {"year": 2028})],
    ),
    (
        "payslip(employee_id: int)",
        "Return the payslip of an employee.",
        [("Show the payslip of employee 9914.", {"employee_id": 9914})],
    ),
    (
        "vat_number(firm: str)",
        "Return the VAT number of a firm.",
        [("What is the VAT number of Acme?", {"firm": "Acme"})],
    ),
    (
        "cancel_subscription(account: str)",
        "Cancel the subscription of an account.",
        [("Cancel the subscription of ann@mail.com.", {"account": "ann@mail.com"})],
    ),
    (
        "transfer(amount: float, sender: str, receiver: str)",
        "Transfer an amount of money from a sender to a receiver.",
        [
            (
                "Transfer 75.25 from Olga to Pierre.",
                {"amount": 75.25, "sender": "Olga", "receiver": "Pierre"},
            )
        ],
    ),
    (
        "restart_pod(pod: str)",
        "Restart a pod.",
        [("Restart the pod api-6f9c.", {"pod": "api-6f9c"})],
    ),
    (
        "memory_usage(process: str)",
        "Return the memory usage of a process.",
        [("What is the memory usage of firefox?", {"process": "firefox"})],
    ),
    (
        "list_branches(repo: str)",
        "List the branches of a repository.",
        [
            ("Which branches does the repo pandas have?", {"repo": "pandas"}),
            ("List the branches of django.", {"repo": "django"}),
        ],
    ),
    (
        "resolve_dns(domain: str)",
        "Resolve the DNS of a domain.",
        [("Resolve the DNS of python.org.", {"domain": "python.org"})],
    ),
    (
        "train_delay(line: str)",
        "Return the delay of a train line.",
        [("What is the delay of the train line S7?", {"line": "S7"})],
    ),
    (
        "nearest_pharmacy(street: str)",
        "Return the nearest pharmacy to a street.",
        [("Where is the nearest pharmacy to Baker Street?", {"street": "Baker Street"})],
    ),
    (
        "bake_time(cake: str)",
        "Return how long a cake bakes.",
        [("What is the bake time of brownies?", {"cake": "brownies"})],
    ),
    (
        "crew_of(ship: str)",
        "Return the crew of a ship.",
        [("Who is in the crew of the ship Endurance?", {"ship": "Endurance"})],
    ),
    (
        "boiling_point(substance: str)",
        "Return the boiling point of a substance.",
        [("What is the boiling point of ethanol?", {"substance": "ethanol"})],
    ),
    (
        "habitat(species: str)",
        "Return the habitat of a species.",
        [("What is the habitat of otters?", {"species": "otters"})],
    ),
    (
        "shuffle_playlist(playlist: str)",
        "Shuffle a playlist.",
        [('Shuffle the playlist "Road Trip".', {"playlist": "Road Trip"})],
    ),
    (
        "set_brightness(percent: int)",
        "Set the brightness to so many percent.",
        [("Set the brightness to 65 percent.", {"percent": 65})],
    ),
    (
        "tweet(text: str)",
        "Post a tweet.",
        [('Post a tweet that says "We are live!"', {"text": "We are live!"})],
    ),
    ("random_quote()", "Return a quote.", [("Give me a random quote.", {})]),
    (
        "rate_hotel(hotel: str, stars: int)",
        "Rate a hotel with some stars.",
        [("Rate the hotel Savoy with 4 stars.", {"hotel": "Savoy", "stars": 4})],
    ),
    (
        "schedule_meeting(topic: str, guests: int)",
        "Schedule a meeting about a topic for some guests.",
        [("Schedule a meeting about budgets for 8 guests.", {"topic": "budgets", "guests": 8})],
    ),
    (
        "exam_grade(student: str, subject: str)",
        "Return the grade of a student in a subject.",
        [
            (
                "What is the exam grade of Lucia in biology?",
                {"student": "Lucia", "subject": "biology"},
            )
        ],
    ),
]
"""A signature, a description, and requests with the arguments that they mean."""
