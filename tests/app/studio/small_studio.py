"""Names that the tests of the studio share."""

from imatlas.app.studio.security import Gate

GATE = Gate("a-token-of-the-tests", 8642)
HOST = "http://127.0.0.1:8642"
ORIGIN = {"origin": HOST}
TOKEN = {"x-imatlas-token": GATE.token}
N_IMAGES, SIDE = 130, 8
