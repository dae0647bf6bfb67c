"""The official plugins judged by the conformance kit: ``make field-report``."""
