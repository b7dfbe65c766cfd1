"""Talk: greetings, thanks, and questions about the model itself."""

from random import Random

from ..example import Example, Reply, code
from .phrases import ABILITIES, of
from .requests import a_tool

__all__ = ["TALK", "talk"]

TALK = {
    f"Hello! {ABILITIES}": (
        *("Hello", "Hi", "Hey", "Hello there", "Hi there", "Good morning", "Good evening"),
        *("Good afternoon", "Good day", "Greetings", "hello!", "hi!", "Hey there", "Howdy", "Hiya"),
        *("Hello, how are you?", "How are you?", "How are you doing?", "How do you do?", "Welcome"),
        *("Hi, nice to meet you", "Nice to meet you.", "What's up?", "Hello model", "Hello agent"),
        *("Hey you", "Good night", "hi how are you today", "Are you there?", "Anyone there?", "yo"),
        *("Hello world", "Hello, my friend", "Hi everyone", "Good to see you", "Hello again"),
    ),
    f"I am the small demonstration model that is built into rxagent. {ABILITIES}": (
        *("Who are you?", "What are you?", "What can you do?", "What is your name?", "help"),
        *(
            "Help me",
            "What do you know?",
            "Which model are you?",
            "Are you a human?",
            "Are you GPT?",
        ),
        *("What are your abilities?", "Tell me about yourself.", "How can you help me?", "Help!"),
        *("Can you help me?", "What should I ask you?", "What can I ask?", "Introduce yourself."),
        *("Are you a robot?", "Who made you?", "Who trained you?", "How were you made?"),
        *("How big are you?", "How many parameters do you have?", "What is rxagent?", "your name?"),
        *(
            "What languages do you speak?",
            "Are you an AI?",
            "what are you able to do",
            "?",
            "/help",
        ),
        *(
            "Do you need the internet?",
            "What tasks can you do?",
            "What is this?",
            "Explain yourself",
        ),
    ),
    "You are welcome.": (
        *("Thank you", "Thanks", "Thanks a lot", "Thank you very much", "Great, thanks", "Thanks!"),
        *(
            "Well done",
            "Good job",
            "Great",
            "Perfect",
            "Nice",
            "OK",
            "ok thanks",
            "Cool",
            "Awesome",
        ),
        *("Many thanks", "That was helpful", "You are great", "Good work", "Super", "Very good"),
    ),
    "Goodbye!": (
        *("Bye", "Goodbye", "See you", "See you later", "Good bye", "Bye bye", "Farewell", "ciao"),
        *(
            "I have to go",
            "See you tomorrow",
            "Talk to you later",
            "quit",
            "exit",
            "Have a nice day",
        ),
    ),
}


def talk(random: Random) -> Example:
    """Return a greeting and its answer."""
    answer = random.choice(list(TALK))
    question = random.choice(TALK[answer])
    if random.random() < 0.4:
        question = question.rstrip("?.!") + of(random, "", "!", ".", "?", " :)", "!!", " 👋")
    if random.random() < 0.3:
        question = question.lower()
    is_code = random.random() < 0.6
    listed = [a_tool(random).tool for _ in range(random.choice((0, 0, 0, 1, 2, 3)))]
    text = code("I answer in words.", f'final_answer("{answer}")') if is_code else answer
    return Example("talk", question, [Reply(text)], listed, is_code=is_code, answer=answer)
