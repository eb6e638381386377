"""Questions to the send gate: may this contact be texted now?"""
