/** Puts the console into the page. */

import {Account} from "./account"
import {App} from "./app"
import {dress} from "./dress"

dress(document)
const app = new App()
app.account = new Account()
document.body.append(app)
