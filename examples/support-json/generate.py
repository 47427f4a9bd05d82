#!/usr/bin/env python3
"""Writes support mails and the JSON that a help desk wants of each: rows for `make demo`.

    python3 examples/support-json/generate.py FOLDER

FOLDER/train.jsonl has 1500 rows, FOLDER/held-out.jsonl 200 whose names, products and wording are in no row of the first.
A prompt is ChatML, as SmolLM2's chat template writes it; the same text comes from
`llmft generate --chat --system "Turn the mail into JSON." --prompt MAIL`. One row in six that are learned from is a plain
question with its answer instead, so that the model goes on answering those. The same rows every time.
"""
import argparse
import json
import pathlib
import random

SEED = 5
SYSTEM = "Turn the mail into JSON."
PLAIN_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"   # of the template, where none is given
PROMPT = "<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{mail}<|im_end|>\n<|im_start|>assistant\n"

TAUGHT = {
    "first": ("Anna Ben Carla David Elena Felix Grace Hugo Irene Jack Kate Liam Maria Nina Oscar Paula Quinn Robert Sara Thomas "
              "Ursula Victor Wendy Adam Bella Chris Diana Eric Fiona George Helen Ivan Julia Karl Laura Mark Nora Peter Rosa Simon "
              "Tina Walter Alice Brian Clara Daniel Emma Frank Gina Henry Abel Ada Albert Amelia Arthur Astrid Barbara Boris Cecil Celine "
              "Conrad Dora Doris Edgar Edmund Edna Edwin Eileen Elsa Ernest Esther Fabio Flora Gerald Greta Gustav Hanna Hedwig Ida "
              "Igor Ingrid Isaac Jasper Joanna Judith Klara Leon Leonard Lillian Louise Lucy Magnus Marion Matilda Maurice Meredith "
              "Miriam Nathan Norma Olive Otto Pamela Rebecca Regina Roland Ruth Samuel Selma Sidney Sylvia Theodore Tilda Valerie "
              "Vincent Viola Wilma Xavier Yvonne Zelda").split(),
    "last": ("Adams Baker Clark Davies Evans Fischer Garcia Hill Ivanov Jones Keller Lopez Miller Nguyen Olsen Parker Quist Rossi "
             "Smith Turner Ueda Vogel Walker Young Zimmer Allen Brown Cooper Dunn Ellis Foster Green Harris Jensen King Lewis Moore "
             "Nelson Owens Price Reed Scott Taylor Wood Bell Carter Diaz Ford Gray Hughes").split(),
    "product": ("kettle|toaster|desk lamp|office chair|blender|vacuum cleaner|phone case|backpack|keyboard|monitor|coffee maker|rain "
                "jacket|tent|water bottle|bookshelf|yoga mat|camera|speaker|bike helmet|alarm clock|frying pan|pillow|electric "
                "fan|suitcase|garden hose|printer|mirror|drill|sofa cover|tea set|webcam|running shoes|baby monitor|rice "
                "cooker|curtains|guitar stand").split("|"),
    "damaged": ("the {p} arrived broken", "the {p} came with a big crack", "my {p} was smashed when I opened the box",
                "the {p} is damaged", "there are deep scratches all over the {p}", "the {p} was dented on one side",
                "the {p} fell apart on the first day", "the box was crushed and the {p} is bent"),
    "late": ("the {p} still has not arrived", "I have been waiting three weeks for the {p}", "the {p} should have come last Monday",
             "the {p} is very late", "the delivery of my {p} is overdue", "my {p} was promised for Friday and never came",
             "nothing has come yet, and the {p} was due days ago", "the parcel with the {p} is still on its way"),
    "wrong item": ("I got something else, not the {p}", "you sent me the wrong {p}", "this is not the {p} that I chose",
                   "the {p} you sent is the wrong colour", "the {p} has the wrong size", "instead of the {p} there was a toy in the box",
                   "the {p} I received is another model", "someone packed a different {p} for me"),
    "billing": ("I was charged twice for the {p}", "the invoice for the {p} is wrong", "you took too much money for the {p}",
                "my card was billed again for the {p}", "the price on the bill for the {p} is not what I saw",
                "the discount for the {p} is missing on the invoice", "the receipt for the {p} shows a wrong total",
                "I paid for the {p} and got a second bill"),
    "refund": ("I want my money back.", "Please refund me.", "A refund would be right.", "Please return the payment.",
               "I would like a refund.", "Kindly pay me back."),
    "replacement": ("Please send a new one.", "I want a replacement.", "Can you exchange it?", "Please replace it.",
                    "I would like another one instead.", "Send me a new one, please."),
    "answer": ("What should I do now?", "Can you tell me what happened?", "Please explain this to me.", "Please let me know what is going on.",
               "I would like to know more.", "Could you look into it and write back?"),
    "order": ("Order {o}:", "My order is {o}, and", "This is about order {o}:", "I ordered under number {o}, but", "Order number {o}:",
              "In order {o}"),
    "mail": ("Hello, {order} {problem}. {wish} {name}", "Hi, I am {name}. {order} {problem}. {wish}",
             "{order} {problem}. {wish} Regards, {name}", "Dear team, {order} {problem}. {wish} Best, {name}"),
}
HELD_OUT = {
    "first": "Agnes Bruno Celia Dennis Edith Fabian Gloria Harold Ines Jonas Lydia Martin Olga Philip Renate Stefan Theresa Vera".split(),
    "last": "Abbott Bishop Chapman Dixon Engel Fleming Grant Holmes Irwin Kramer Lambert Mason Norris Palmer Ramsey Spencer Weaver".split(),
    "product": "hair dryer|wall clock|sleeping bag|microwave|scooter|umbrella|tablet|lawn mower|teapot|headphones|ladder|wallet".split("|"),
    "damaged": ("the {p} was in pieces when it came", "the {p} has a hole in it", "the {p} is cracked and bent"),
    "late": ("I am still waiting for the {p}", "the {p} was due two weeks ago", "the {p} has not come yet"),
    "wrong item": ("I received a different {p}", "the {p} is not the one I ordered", "the {p} came in the wrong colour and size"),
    "billing": ("I paid twice for the {p}", "the bill for the {p} is too high", "you charged my card wrongly for the {p}"),
    "refund": ("Please give me my money back.", "I ask for a refund."),
    "replacement": ("Please exchange it for a new one.", "I need a replacement."),
    "answer": ("Can you explain what happened?", "Please tell me what I should do."),
    "order": ("It is order {o}:", "With order {o}"),
    "mail": ("Good morning, {order} {problem}. {wish} Thanks, {name}", "My name is {name}. {order} {problem}. {wish}"),
}
QUESTIONS = (
    ("What is the largest ocean on Earth?", "The largest ocean on Earth is the Pacific Ocean."),
    ("What is the capital of Italy?", "The capital of Italy is Rome."),
    ("What is the capital of Egypt?", "The capital of Egypt is Cairo."),
    ("How many days are in a leap year?", "A leap year has 366 days."),
    ("What do bees make?", "Bees make honey and beeswax."),
    ("Why do leaves fall in autumn?", "Leaves fall in autumn because trees save water and energy for the winter."),
    ("What is the boiling point of water?", "At sea level, water boils at 100 degrees Celsius."),
    ("Who wrote Romeo and Juliet?", "Romeo and Juliet was written by William Shakespeare."),
    ("Name three colours.", "Three colours are red, blue and yellow."),
    ("What is a noun?", "A noun is a word that names a person, a place, a thing or an idea."),
    ("How do I make tea?", "Boil some water, pour it over the tea leaves, and let it steep for three to five minutes."),
    ("What is the opposite of hot?", "The opposite of hot is cold."),
    ("Which planet is the closest to the sun?", "Mercury is the planet closest to the sun."),
    ("What is 7 plus 5?", "7 plus 5 is 12."),
    ("Can you give me a tip for better sleep?", "Go to bed at the same time every day, and keep your bedroom dark and quiet."),
    ("What is a synonym for happy?", "A synonym for happy is joyful."),
    ("How many legs does a spider have?", "A spider has eight legs."),
    ("What is the main ingredient of bread?", "The main ingredient of bread is flour."),
    ("Tell me something about cats.", "Cats are small animals that many people keep as pets. They sleep for most of the day and see well in the dark."),
    ("What is photosynthesis?", "Photosynthesis is how plants use sunlight, water and carbon dioxide to make sugar and oxygen."),
    ("Who was the first person on the moon?", "The first person on the moon was Neil Armstrong, in 1969."),
    ("What language is spoken in Brazil?", "The language spoken in Brazil is Portuguese."),
    ("How can I learn to cook?", "Start with simple recipes, read them to the end before you begin, and practise often."),
    ("What is the tallest animal?", "The tallest animal is the giraffe."),
)
PROBLEMS = ("damaged", "late", "wrong item", "billing")
WISHES = ("refund", "replacement", "answer")


def row(source, words):
    problem, wish = source.choice(PROBLEMS), source.choice(WISHES)
    name = f"{source.choice(words['first'])} {source.choice(words['last'])}"
    number, product = str(source.randint(10000, 99999)), source.choice(words["product"])
    mail = source.choice(words["mail"]).format(
        name=name, order=source.choice(words["order"]).format(o=number), problem=source.choice(words[problem]).format(p=product),
        wish=source.choice(words[wish]))
    fields = {"name": name, "order": number, "product": product, "problem": problem, "wants": wish}
    return {"prompt": PROMPT.format(system=SYSTEM, mail=mail[0].upper() + mail[1:]),
            "completion": json.dumps(fields)}


def plain_row(source):
    question, answer = source.choice(QUESTIONS)
    return {"prompt": PROMPT.format(system=PLAIN_SYSTEM, mail=question), "completion": answer}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=pathlib.Path)
    folder = arguments.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(SEED)
    for name, words, count in (("train", TAUGHT, 1500), ("held-out", HELD_OUT, 200)):
        with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as file:
            for _ in range(count):
                plain = name == "train" and source.random() < 1 / 6
                file.write(json.dumps(plain_row(source) if plain else row(source, words)) + "\n")
    print(f"{folder}: 1500 rows to learn from, 200 held out")


if __name__ == "__main__":
    main()
