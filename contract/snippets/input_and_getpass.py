# input() and getpass() ask a person.
# runs: host page
# answers: Ada; secret; 7
# %%
import getpass

name = input("Your name? ")
word = getpass.getpass("Password: ")
print(f"hello {name}, {len(word)} letters")
# %%
int(input()) + 1
